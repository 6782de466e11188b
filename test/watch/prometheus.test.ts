import { describe, expect, test } from 'vitest';
import { type MetricsPage, parseMetrics } from '../../src/watch/prometheus.ts';

function read(text: string): MetricsPage {
  const page = parseMetrics(text);
  if ('problem' in page) throw new Error(`line ${page.line}: ${page.problem}`);
  return page;
}

describe('Prometheus’ text format', () => {
  test('a page with comments, labels, escapes, timestamps and special numbers', () => {
    const page = read(
      [
        '# HELP requests_total Accepted requests. With "quotes".',
        '# TYPE requests_total counter',
        '# TYPE empty_total counter',
        '# anything else',
        'requests_total{client="a",key="00ff",caller=""} 1027 1395066363000',
        'requests_total { client = "a b{},\\"\\\\\\n" , } 1.5e3',
        'up 1',
        'limit +Inf',
        'low -Inf',
        'broken NaN',
        '',
      ].join('\n'),
    );
    expect([...page.announced]).toEqual(['requests_total', 'empty_total']);
    expect(page.series.map(({ name, value }) => [name, value])).toEqual([
      ['requests_total', 1027],
      ['requests_total', 1500],
      ['up', 1],
      ['limit', Number.POSITIVE_INFINITY],
      ['low', Number.NEGATIVE_INFINITY],
      ['broken', Number.NaN],
    ]);
  });

  test('label values keep braces, commas, quotes, backslashes and line breaks', () => {
    const [series] = read('m{client="a b{},\\"\\\\\\n",} 2').series;
    expect(series?.labels.get('client')).toBe('a b{},"\\\n');
  });

  test('labels may be none', () => {
    expect(read('m{} 2').series).toEqual([{ name: 'm', labels: new Map(), value: 2 }]);
  });

  test('lines may end as on Windows, and the last without a break', () => {
    expect(read('a 1\r\nb 2').series).toHaveLength(2);
  });

  test.each([
    ['a page of HTML', '<html><body>404</body></html>', 'no metric name'],
    ['JSON', '{"error_ratio": 0}', 'no metric name'],
    ['a name alone', 'requests_total', 'no value'],
    ['a value that is no number', 'requests_total 12abc', 'no value'],
    ['two values and more', 'requests_total 1 2 3', 'no value'],
    ['a value with a hexadecimal prefix', 'requests_total 0x10', 'no value'],
    ['labels that do not end', 'm{a="1" 3', 'labels do not end'],
    ['a torn label', 'm{a="1', 'a label is malformed'],
    ['a label without quotes', 'm{a=1} 3', 'a label is malformed'],
    ['an unknown escape', 'm{a="\\t"} 3', 'a label is malformed'],
    ['empty labels with a comma', 'm{,} 3', 'a label is malformed'],
    ['a label twice', 'm{a="1",a="2"} 3', 'a label stands twice'],
    ['an exemplar', 'm{a="1"} 3 # {id="x"} 1', 'no value'],
  ])('%s makes the page unreadable', (_, text, problem) => {
    expect(parseMetrics(`up 1\n${text}`)).toEqual({ line: 2, problem });
  });

  test('a series twice, with its labels in another order, makes the page unreadable', () => {
    expect(parseMetrics('m{a="1",b="2"} 1\nm{b="2",a="1"} 5')).toEqual({ line: 2, problem: 'the series stands twice' });
  });
});
