import { documentedMetrics, exposedMetrics } from './documented-metrics.ts';

describe('metrics in a document and on a page', () => {
  it('are read from the tables below the headings that are asked for', () => {
    const markdown = '### one\n| `a_total` | counter | `route`, `status` | x |\n### two\n| `b` | gauge | | y |\n';
    expect(documentedMetrics(markdown, ['one'])).toEqual([
      { name: 'a_total', type: 'counter', labels: ['route', 'status'] },
    ]);
    expect(documentedMetrics(markdown, ['one', 'two'])).toHaveLength(2);
  });
  it('are read from the text of Prometheus, without those of the runtime', () => {
    const text = `# HELP s_seconds x
# TYPE s_seconds histogram
s_seconds_bucket{le="1",service="x",route="/a"} 1
# TYPE process_cpu_seconds_total counter
# TYPE b gauge
b{service="x"} 1
`;
    expect(exposedMetrics(text)).toEqual([
      { name: 'b', type: 'gauge', labels: [] },
      { name: 's_seconds', type: 'histogram', labels: ['route'] },
    ]);
  });
});
