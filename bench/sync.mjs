// Devices that push, catch up and follow: what bench/sync.sh measures.
// Usage: node sync.mjs prepare URL FOLDER PEOPLE
//        node sync.mjs push URL FOLDER SECONDS            prints mutations per second and the median and p99 of a batch in ms
//        node sync.mjs pages URL FOLDER ROWS              prints the time of a page of 500 and of a catch-up of ROWS
//        node sync.mjs follow URL FOLLOWED_URL FOLDER SECONDS     prints the time from the answer to the event
//        node sync.mjs wire URL FOLDER                    prints the bytes of a change on its way

import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { ask, follow, inTurn, person, quantile, sleep } from './client.mjs';

const WebSocket = createRequire(new URL('../tests/clients/package.json', import.meta.url))('ws');
const [what, url, ...rest] = process.argv.slice(2);
/** What a batch holds: 10 new measurements of 5 cells each, as bench/sync.sql writes them. */
const BATCH = 10;
const PUSH = 'mutation($input: PushChangesInput!) { pushChanges(input: $input) { results { status } } }';
const PAGE = 'query($first: Int, $after: String) { viewer { syncPage(first: $first, after: $after) { rows { collection id version deleted document clocks } cursor hasMore } } }';

let counter = 0;
function change() {
  const clock = `${String(Date.now()).padStart(15, '0')}:${(counter++).toString(36).padStart(5, '0')}:phone`;
  const values = { type: 'weight', value: '80.5', unit: 'kg', measured_at: new Date().toISOString(), time_zone: 'UTC' };
  const cells = Object.entries(values).map(([column, value]) => ({ column, value, clock }));
  return { id: crypto.randomUUID(), collection: 'measurements', row: crypto.randomUUID(), cells };
}
async function push(to, token, count = BATCH) {
  const changes = Array.from({ length: count }, change);
  const { pushChanges } = await ask(to, PUSH, { input: { client: 'phone', changes } }, token);
  const wrong = pushChanges.results.find(({ status }) => status !== 'APPLIED');
  if (wrong) throw new Error(JSON.stringify(pushChanges));
  return changes;
}
const tokens = (folder) => JSON.parse(readFileSync(`${folder}/tokens.json`, 'utf8'));
const ms = (number) => number.toFixed(1);

if (what === 'prepare') {
  const [folder, count] = [rest[0], Number(rest[1])];
  const people = [];
  await inTurn(count, 4, async (n) => { people[n] = (await person(url, n)).token; });
  writeFileSync(`${folder}/tokens.json`, JSON.stringify(people));
} else if (what === 'push') {
  const [people, seconds] = [tokens(rest[0]), Number(rest[1])];
  const ends = performance.now() + seconds * 1000;
  const times = [];
  await Promise.all(people.slice(0, 8).map(async (_, worker) => {
    for (let n = worker; performance.now() < ends; n += 8) {
      const sent = performance.now();
      await push(url, people[n % people.length]);
      times.push(performance.now() - sent);
    }
  }));
  console.log(((times.length * BATCH) / seconds).toFixed(0), ms(quantile(times, 0.5)), ms(quantile(times, 0.99)));
} else if (what === 'pages') {
  const [token, rows] = [tokens(rest[0])[0], Number(rest[1])];
  const read = async (first, after) => (await ask(url, PAGE, { first, after }, token)).viewer.syncPage;
  for (let have = 0; have < rows; have += 250) await push(url, token, Math.min(250, rows - have));
  const pages = [];
  for (let n = 0; n < 40; n++) {
    const sent = performance.now();
    const { rows } = await read(500);
    if (rows.length !== 500) throw new Error(`${rows.length} rows`);
    pages.push(performance.now() - sent);
  }
  const catchUps = [];
  for (let n = 0; n < 5; n++) {
    const sent = performance.now();
    let [page, read_] = [await read(1000), 0];
    for (read_ += page.rows.length; page.hasMore; read_ += page.rows.length) page = await read(1000, page.cursor);
    if (read_ < rows) throw new Error(`${read_} rows`);
    catchUps.push((performance.now() - sent) * (rows / read_));
  }
  console.log(ms(quantile(pages, 0.5)), ms(quantile(pages, 0.99)), ms(quantile(catchUps, 0.5)));
} else if (what === 'follow') {
  const [followed, folder, seconds] = [rest[0], rest[1], Number(rest[2])];
  const people = tokens(folder).slice(0, 50).map((token) => ({ token, waiting: new Map() }));
  const times = [];
  const settle = (one, row) => {
    const { told, answered } = one.waiting.get(row);
    if (told === undefined || answered === undefined) return;
    one.waiting.delete(row);
    // Some are told before the answer to the push is here.
    times.push(Math.max(0, told - answered));
  };
  for (const one of people) {
    const cursor = (await ask(url, '{ viewer { syncHead { cursor } } }', {}, one.token)).viewer.syncHead.cursor;
    const query = `subscription { syncChanged(after: "${cursor}") { rows { id } } }`;
    await follow(WebSocket, followed, one.token, query, ({ syncChanged }) => {
      for (const { id } of syncChanged.rows) {
        const waiting = one.waiting.get(id);
        if (waiting) { waiting.told ??= performance.now(); settle(one, id); }
      }
    });
  }
  await sleep(2000);
  let made = 0;
  const running = [];
  const begun = performance.now();
  for (; performance.now() - begun < seconds * 1000; made++) {
    const wait = begun + made * 20 - performance.now();
    if (wait > 0) await sleep(wait);
    const one = people[made % people.length];
    const only = change();
    one.waiting.set(only.row, {});
    running.push(ask(url, PUSH, { input: { client: 'phone', changes: [only] } }, one.token).then(() => {
      one.waiting.get(only.row).answered = performance.now();
      settle(one, only.row);
    }));
  }
  await Promise.all(running);
  await sleep(5000);
  const lost = people.reduce((sum, { waiting }) => sum + waiting.size, 0);
  console.log(made, lost, ms(quantile(times, 0.5)), ms(quantile(times, 0.99)));
  process.exit(lost === 0 ? 0 : 1);
} else if (what === 'wire') {
  // As an app sends it whose documents are trusted.
  const only = { ...change(), cells: change().cells.filter(({ column }) => column === 'value') };
  const extensions = { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } };
  console.log(JSON.stringify({ extensions, variables: { input: { client: 'phone', changes: [only] } } }).length);
}
process.exit(0);
