"""A second holder of keys, in another language: MACs alone, printed as Vault's transit engine prints them.

argv: FILE CLIENT GENERATION; the bytes on stdin.
"""
import base64
import hashlib
import hmac
import json
import sys

path, client, generation = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    key = json.load(file)[client].get(generation)
if key is None:
    sys.exit(f"no {generation} key of {client}")
mac = hmac.new(key.encode(), sys.stdin.buffer.read(), hashlib.sha256).digest()
print("vault:v1:" + base64.b64encode(mac).decode())
