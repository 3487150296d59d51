// Follows people and changes their days: what bench/subscriptions.sh measures.
// Usage: node subscriptions.mjs URL SERVER_PID IDLE ACTIVE PER_SECOND SECONDS

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { ask as askAt, follow as followAt, inTurn, person as personAt, quantile, sleep } from './client.mjs';

const WebSocket = createRequire(new URL('../tests/clients/package.json', import.meta.url))('ws');
const url = process.argv[2];
const [pid, idle, active, perSecond, seconds] = process.argv.slice(3).map(Number);
/** How many sockets one person may have. */
const SOCKETS_PER_PERSON = 20;
const ask = (query, variables, token) => askAt(url, query, variables, token);
/** A socket that follows today; `told` is called with each event. */
const follow = (one, told) =>
  followAt(WebSocket, url, one.token, 'subscription { foodDayChanged { entries { id } totals { calories } } }', (data) => told(data.foodDayChanged));
const memory = () => Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }));
const ticks = () => execFileSync('ps', ['-o', 'cputimes=', '-p', String(pid)], { encoding: 'utf8' }).trim();

// One person per active stream, and more whose sockets only wait.
const people = [];
await inTurn(active + Math.ceil(idle / SOCKETS_PER_PERSON), 4, async (n) => { people[n] = { ...(await personAt(url, n)), waiting: new Map() }; });
const followed = people.slice(0, active);
const { foods } = await ask('{ foods(search: "banana", first: 1) { nodes { id } } }', {}, people[0].token);
const foodId = foods.nodes[0].id;
const log = 'mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id } } }';
const logs = (one, id) => ask(log, { input: { id, foodId, quantity: '1', unit: 'g', mealType: 'snack' } }, one.token);
await inTurn(20, 4, (n) => logs(people[people.length - 1 - (n % 2)], undefined));

await sleep(2000);
const before = memory();
await inTurn(idle, 16, (n) => follow(people[active + Math.floor(n / SOCKETS_PER_PERSON)], () => {}));
// Until everybody has looked once.
await sleep(8000);
const between = memory();
const [fromAnswer, fromRequest] = [[], []];
const note = (one, id, { sent, committed, told }) => {
  one.waiting.delete(id);
  fromRequest.push(told - sent);
  // Some are told before the answer to the mutation is here.
  fromAnswer.push(Math.max(0, told - committed));
};
await inTurn(active, 16, (n) => follow(followed[n], (day) => {
  const now = performance.now();
  for (const { id } of day.entries) {
    const waiting = followed[n].waiting.get(id);
    if (!waiting) continue;
    waiting.told ??= now;
    if (waiting.committed) note(followed[n], id, waiting);
  }
}));
await sleep(8000);
const after = memory();
const idleCpu = await (async () => { const from = ticks(); await sleep(20000); return (ticks() - from) / 20; })();

const begun = performance.now();
const running = [];
let made = 0;
for (; made < perSecond * seconds; made++) {
  const wait = begun + (made * 1000) / perSecond - performance.now();
  if (wait > 0) await sleep(wait);
  const one = followed[made % active];
  const id = `0199c1f0-5b7e-7cc3-98c4-${(made + 1).toString(16).padStart(12, '0')}`;
  one.waiting.set(id, { sent: performance.now() });
  running.push(logs(one, id).then(() => {
    const waiting = one.waiting.get(id);
    waiting.committed = performance.now();
    if (waiting.told) note(one, id, waiting);
  }));
}
await Promise.all(running);
const took = (performance.now() - begun) / 1000;
await sleep(5000);
const loaded = memory();
const lost = followed.reduce((sum, { waiting }) => sum + waiting.size, 0);
const quantiles = (times) =>
  `p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms, at most ${quantile(times, 1).toFixed(1)} ms`;
const kib = (from, to, count) => ((to - from) / count).toFixed(1);
console.log(`idle streams     ${idle}: ${kib(before, between, idle)} KiB each (${before} to ${between} KiB)`);
console.log(`active streams   ${active}: ${kib(between, after, active)} KiB each before traffic (to ${after} KiB), ${loaded} KiB in all after it`);
console.log(`at rest          ${(idleCpu * 100).toFixed(1)} % of one CPU for ${idle + active} streams`);
console.log(`changes          ${made} in ${took.toFixed(1)} s, ${(made / took).toFixed(0)} per second; ${lost} not told of`);
console.log(`answer to event  ${quantiles(fromAnswer)}`);
console.log(`request to event ${quantiles(fromRequest)}, the change itself included`);
process.exit(lost === 0 ? 0 : 1);
