const WIDTH = 300;
const HEIGHT = 190;
const LEFT = 56;
const BOTTOM = 40;
const TOP = 34;
const COLOURS = ['#2563a8', '#c2571a'];

/** Three panels as one SVG: logins, relay and notifications, each over what grows. */
export function plotGrowth(results) {
  const { logins, relay, notifications } = results;
  const bySize = [...new Set(relay.map(({ answerBytes }) => answerBytes))];
  const told = notifications.filter(({ what }) => what === 'insert and notify');
  const panels = [
    {
      ...{ title: 'codex-auth: per second', xLabel: 'replicas', x: logins.map(({ auth }) => auth) },
      lines: [
        { name: 'logins', y: logins.map((row) => row.logins.perSecond) },
        { name: 'refreshes', y: logins.map((row) => row.refreshes.perSecond) },
      ],
    },
    {
      ...{ title: 'relay: frames per second', xLabel: 'replicas', x: [1, 2, 3] },
      lines: bySize.map((size) => ({
        name: `answers of ${size.toLocaleString('en-US')} bytes`,
        y: relay.filter(({ answerBytes }) => answerBytes === size).map(({ framesPerSecond }) => framesPerSecond),
      })),
    },
    {
      ...{ title: 'PostgreSQL: CPU µs of a NOTIFY', xLabel: 'who listen', x: told.map((_, index) => index) },
      xTexts: told.map(({ listeners }) => String(listeners)),
      lines: [{ name: 'insert and notify', y: told.map(({ postgresUs }) => postgresUs) }],
    },
  ];
  const drawn = panels.map((panel, index) => `<g transform="translate(${index * WIDTH} 0)">${draw(panel)}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH * 3}" height="${HEIGHT + TOP + BOTTOM}" viewBox="0 0 ${WIDTH * 3} ${HEIGHT + TOP + BOTTOM}" font-family="sans-serif" font-size="11">
<title>Rates by replicas, and what a notification costs by those who listen</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${drawn.join('\n')}
</svg>
`;
}

function draw({ title, xLabel, x, xTexts = x.map(String), lines }) {
  const top = Math.max(...lines.flatMap(({ y }) => y)) * 1.4;
  const [first, last] = [Math.min(...x), Math.max(...x)];
  const across = (value) => round(LEFT + 14 + ((value - first) / (last - first)) * (WIDTH - LEFT - 44));
  const down = (value) => round(TOP + HEIGHT - (value / top) * HEIGHT);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top * 0.75);
  return [
    text(LEFT, 18, title, 'font-weight="bold"'),
    ...ticks.flatMap((value) => [
      `<line x1="${LEFT}" x2="${WIDTH - 16}" y1="${down(value)}" y2="${down(value)}" stroke="#dddddd"/>`,
      text(LEFT - 6, down(value) + 4, short(value), 'text-anchor="end"'),
    ]),
    ...x.map((value, index) => text(across(value), TOP + HEIGHT + 16, xTexts[index], 'text-anchor="middle"')),
    text((LEFT + WIDTH) / 2, TOP + HEIGHT + 32, xLabel, 'text-anchor="middle" fill="#555555"'),
    ...lines.flatMap(({ name, y }, index) => {
      const points = y.map((value, at) => [across(x[at]), down(value)]);
      const colour = COLOURS[index];
      return [
        `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${points.map((point) => point.join(',')).join(' ')}"/>`,
        ...points.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`),
        text(LEFT + 8, TOP + 12 + index * 15, name, `fill="${colour}"`),
      ];
    }),
  ].join('\n');
}

function text(x, y, content, attributes = '') {
  return `<text x="${x}" y="${y}" ${attributes}>${content}</text>`;
}

function short(value) {
  return value >= 10_000 ? `${Math.round(value / 1000)}k` : String(Math.round(value));
}

function round(value) {
  return Math.round(value * 10) / 10;
}
