#!/bin/sh
# An authority that is no part of rotctl: a root, an intermediate below it, and OpenSSL's own commands.
#   openssl-authority.sh FOLDER make            makes both
#   openssl-authority.sh FOLDER trust           prints the root
#   openssl-authority.sh FOLDER issue PURPOSE   gets a CSR on stdin, prints the chain
# FAULT names what it does wrong.
set -eu
cd "$1"
profile() {
  printf '[%s]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%sAuth\n' "$1" "$1"
  printf 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n'
}
authority() {
  printf '[%s]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' "$1"
}
sign() { openssl x509 -req -days 30 -copy_extensions copy -extfile x.cnf "$@" 2>/dev/null; }
case $2 in
make)
  { authority root; authority middle; profile client; profile server; printf '[req]\ndistinguished_name=dn\n[dn]\n'; } >x.cnf
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout root.key -out root.pem -subj /CN=root -config x.cnf -extensions root -days 60 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout middle.key -out middle.csr -subj /CN=middle -config x.cnf 2>/dev/null
  sign -in middle.csr -CA root.pem -CAkey root.key -CAcreateserial -extensions middle -out middle.pem
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -subj /CN=other -config x.cnf -extensions root -days 60 2>/dev/null
  ;;
trust)
  case ${FAULT:-} in
  trust-empty) ;;
  trust-middle) cat middle.pem ;;
  trust-text) openssl x509 -in root.pem -text ;;
  trust-key) cat root.pem root.key ;;
  trust-torn) head -c 300 root.pem ;;
  trust-fails) echo 'the token is not plugged in' >&2; exit 3 ;;
  trust-hangs) exec sleep 60 ;;
  trust-leaf) openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=leaf -config x.cnf -addext basicConstraints=CA:FALSE 2>/dev/null ;;
  *) cat root.pem ;;
  esac
  ;;
issue)
  ca=middle purpose=$3 days=30
  cat >in.csr
  case ${FAULT:-} in
  other-ca) ca=other ;;
  wrong-purpose) [ "$purpose" = client ] && purpose=server || purpose=client ;;
  no-names) openssl req -in in.csr -pubkey -noout >in.pub; openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout x.key -subj /CN=plain -config x.cnf -out plain.csr 2>/dev/null ;;
  esac
  if [ "${FAULT:-}" = no-names ]; then sign -in plain.csr -force_pubkey in.pub -CA $ca.pem -CAkey $ca.key -CAcreateserial -extensions "$purpose" -out leaf.pem
  elif [ "${FAULT:-}" = other-key ]; then
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout x.key -subj /CN=signer-a -addext subjectAltName=DNS:a.internal -out other.csr 2>/dev/null
    sign -in other.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -extensions "$purpose" -out leaf.pem
  elif [ "${FAULT:-}" = expired ]; then sign -in in.csr -days -1 -CA $ca.pem -CAkey $ca.key -CAcreateserial -extensions "$purpose" -out leaf.pem
  else sign -in in.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -extensions "$purpose" -out leaf.pem; fi
  case ${FAULT:-} in
  no-middle) cat leaf.pem ;;
  wrong-order) cat middle.pem leaf.pem ;;
  with-root) cat leaf.pem middle.pem root.pem ;;
  with-text) openssl x509 -in leaf.pem -text; cat middle.pem ;;
  prompts) echo 'Sign the certificate? [y/n]:'; cat leaf.pem middle.pem ;;
  with-key) cat leaf.pem middle.pem middle.key ;;
  says-csr) cat in.csr ;;
  torn) head -c 400 leaf.pem ;;
  empty) ;;
  *) cat leaf.pem middle.pem ;;
  esac
  ;;
esac
