// Two unmodified RxDB clients of one person against a running server, each behind a line of its own that can be cut. Prints one line of
// JSON for each thing that worked, and for what it waits for.
// Usage: node rxdb.mjs URL EMAIL PASSWORD

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { createRxDatabase } from 'rxdb';
import {
  pullQueryBuilderFromRxSchema,
  pullStreamBuilderFromRxSchema,
  pushQueryBuilderFromRxSchema,
  replicateGraphQL,
} from 'rxdb/plugins/replication-graphql';
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory';

const [url, email, password] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));
const worked = (what) => say({ worked: what });
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function check(truth, ...told) {
  if (!truth) throw new Error(JSON.stringify(told));
}

async function until(what, holds) {
  let found;
  for (let tries = 0; tries < 600; tries++) {
    found = await holds();
    if (found) return found;
    await sleep(100);
  }
  throw new Error(`never: ${what}`);
}

async function ask(query, variables, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  check(!errors, errors);
  return data;
}

const SIGN_IN = 'mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken refreshToken } } }';
const REFRESH = 'mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken refreshToken } } }';

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
const schemas = {
  foodEntry: {
    version: 0,
    primaryKey: 'id',
    type: 'object',
    properties: {
      id: { type: 'string', maxLength: 36 },
      foodItemId: textOrNull,
      foodName: text,
      foodBrand: textOrNull,
      quantity: text,
      unit: text,
      calories: textOrNull,
      mealType: text,
      consumedAt: text,
      timeZone: text,
      consumedOn: text,
    },
  },
  measurement: {
    version: 0,
    primaryKey: 'id',
    type: 'object',
    properties: {
      id: { type: 'string', maxLength: 36 },
      type: text,
      value: text,
      unit: text,
      measuredAt: text,
      timeZone: text,
      measuredOn: text,
    },
  },
  noot: {
    version: 0,
    primaryKey: 'id',
    type: 'object',
    properties: { id: { type: 'string', maxLength: 36 }, data: text, checksum: text },
  },
};
/** The most documents of a page. */
const largest = (name) => (name === 'noot' ? 100 : 1000);
const builder = (name) => ({ schema: structuredClone(schemas[name]), checkpointFields: ['epoch', 'seq'], headerFields: ['Authorization'] });

/** A line to the server that can be cut: what was sent over it by then is lost, and nothing more comes through. */
class Line {
  sockets = new Set();
  whole = true;

  async open() {
    const { hostname, port } = new URL(url);
    this.server = createServer((near) => {
      if (!this.whole) return near.destroy();
      const far = connect(Number(port), hostname);
      for (const [socket, other] of [[near, far], [far, near]]) {
        this.sockets.add(socket);
        socket.on('error', () => {}).on('close', () => (other.destroy(), this.sockets.delete(socket)));
        socket.pipe(other);
      }
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const address = `//127.0.0.1:${this.server.address().port}/graphql`;
    return { http: `http:${address}`, ws: `ws:${address}` };
  }

  cut() {
    this.whole = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend() {
    this.whole = true;
  }

  close() {
    this.cut();
    this.server.close();
  }
}

class Client {
  line = new Line();
  /** The documents that were pushed, push by push. */
  pushed = [];
  /** Until when answers to pushes are withheld. */
  answers = Promise.resolve();
  forbidden = 0;

  constructor(name) {
    this.name = name;
  }

  async open() {
    ({ signIn: { session: this.session } } = await ask(SIGN_IN, { input: { email, password } }));
    const address = await this.line.open();
    this.database = await createRxDatabase({ name: this.name, storage: getRxStorageMemory(), multiInstance: false });
    await this.database.addCollections(Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, { schema }])));
    this.replications = Object.keys(schemas).map((name) =>
      replicateGraphQL({
        collection: this.database[name],
        replicationIdentifier: `hale-${name}`,
        url: address,
        headers: this.headers(),
        deletedField: '_deleted',
        live: true,
        waitForLeadership: false,
        retryTime: 300,
        fetch: (request) => this.fetch(request),
        pull: {
          batchSize: largest(name) / 2,
          queryBuilder: pullQueryBuilderFromRxSchema(name, builder(name)),
          streamQueryBuilder: pullStreamBuilderFromRxSchema(name, builder(name)),
          wsOptions: {
            retryAttempts: Infinity,
            retryWait: () => sleep(300),
            connectionParams: () => ({ headers: this.headers() }),
            on: { closed: (event) => event.code === 4403 && (this.forbidden++, this.renew()) },
          },
        },
        push: { batchSize: 100, queryBuilder: pushQueryBuilderFromRxSchema(name, builder(name)) },
      }),
    );
    return this;
  }

  headers() {
    return { Authorization: `Bearer ${this.session.accessToken}` };
  }

  /** Exchanges the tokens, once for all who notice at the same time that they have run out. */
  renew() {
    this.renewing ??= ask(REFRESH, { input: { refreshToken: this.session.refreshToken } }).then(({ refreshSession }) => {
      this.session = refreshSession.session;
      for (const replication of this.replications) replication.setHeaders(this.headers());
      this.renewing = undefined;
    });
    return this.renewing;
  }

  async fetch(request) {
    const { query, variables } = await request.clone().json();
    const response = await fetch(request);
    if (query.startsWith('mutation')) {
      this.pushed.push(Object.values(variables)[0].map((row) => row.newDocumentState));
      await this.answers;
    }
    return response;
  }

  async inSync() {
    for (const replication of this.replications) await replication.awaitInSync();
  }

  document(name, id) {
    return this.database[name].findOne(id).exec();
  }

  async close() {
    await this.database.close();
    this.line.close();
  }
}

const [phone, tablet] = [new Client('phone'), new Client('tablet')];
const both = [phone, tablet];
await Promise.all(both.map((client) => client.open()));
// An app's own requests, by a session of its own.
let { signIn: { session: app } } = await ask(SIGN_IN, { input: { email, password } });

const begun = Date.now();
for (const client of both) await until('10,000 documents', async () => (await client.database.measurement.count().exec()) === 10_000);
say({ figure: 'two clients catch up with 10,000 documents each', milliseconds: Date.now() - begun });
await Promise.all(both.map((client) => client.inSync()));
worked('10,000 documents are caught up with');

const food = { name: 'Oats', servingSize: '100', servingUnit: 'g', nutrition: { calories: '100' } };
const CREATE = 'mutation($input: CreateFoodInput!) { createFood(input: $input) { food { id } } }';
const foodItemId = (await ask(CREATE, { input: food }, app.accessToken)).createFood.food.id;
const entry = (fields) => ({
  id: crypto.randomUUID(), foodItemId, quantity: '50', unit: 'g', mealType: 'lunch', consumedAt: '2026-03-10T11:00:00.000Z', timeZone: 'UTC', ...fields,
});
/** Waits until both have an entry like this. */
const bothHave = (id, fields, collection = 'foodEntry') =>
  until(`both have ${JSON.stringify(fields)}`, async () => {
    const found = await Promise.all(both.map((client) => client.document(collection, id)));
    return found.every((one) => one && Object.entries(fields).every(([field, value]) => one[field] === value));
  });
const REJECTIONS = '{ viewer { syncRejections(first: 100) { nodes { row values } } } }';
const rejections = async () => (await ask(REJECTIONS, {}, app.accessToken)).viewer.syncRejections.nodes;

const lunch = entry();
await phone.database.foodEntry.insert(lunch);
await bothHave(lunch.id, { calories: '50', foodName: 'Oats', consumedOn: '2026-03-10' });
worked('what one makes, the other has');

const supper = entry({ mealType: 'dinner' });
let answer;
phone.answers = new Promise((resolve) => (answer = resolve));
const before = phone.pushed.length;
const made = await phone.database.foodEntry.insert(supper);
await until('it is pushed', () => phone.pushed.length > before);
await made.incrementalPatch({ quantity: '60' });
answer();
await bothHave(supper.id, { quantity: '60', calories: '60' });
check((await rejections()).length === 0, 'something was lost');
worked('an edit before the answer to the last one is not lost');

/** Both edit a document while neither line is whole; the phone's is mended first. */
async function apart(id, ofPhone, ofTablet, collection = 'foodEntry') {
  for (const client of both) client.line.cut();
  await (await phone.document(collection, id)).incrementalPatch(ofPhone);
  await (await tablet.document(collection, id)).incrementalPatch(ofTablet);
  for (const client of both) {
    client.line.mend();
    await client.inSync();
  }
}

await apart(lunch.id, { mealType: 'snack' }, { quantity: '70' });
await bothHave(lunch.id, { mealType: 'snack', quantity: '70', calories: '70' });
check((await rejections()).length === 0, 'something was lost');
worked('edits of different fields during a partition both stay');

await apart(lunch.id, { quantity: '80' }, { quantity: '90' });
await bothHave(lunch.id, { mealType: 'snack', quantity: '80', calories: '80' });
const lost = await rejections();
check(lost.length === 1 && lost[0].row === lunch.id && lost[0].values.quantity === '90', lost);
worked('of edits of the same field during a partition one stays');

const [wrong, right] = [entry({ quantity: 'many' }), entry({ mealType: 'breakfast' })];
await phone.database.foodEntry.bulkInsert([wrong, right]);
await bothHave(right.id, { mealType: 'breakfast', calories: '50' });
await until('it is taken back', async () => !(await phone.document('foodEntry', wrong.id)));
await phone.inSync();
const tried = phone.pushed.flat().filter(({ id, _deleted }) => id === wrong.id && !_deleted);
check(tried.length === 1, 'it was pushed again', phone.pushed);
check((await rejections()).filter(({ row }) => row === wrong.id).length === 1, await rejections());
worked('what cannot be is taken back, once, and its neighbour stays');

await (await tablet.document('foodEntry', right.id)).remove();
await until('it is gone', async () => !(await phone.document('foodEntry', right.id)));
worked('what one deletes is gone for the other');

const noot = (text) => JSON.stringify({ activities: [{ properties: { text, done: false }, activityType: 'todo' }] });
const canonical = (text) => `{"activities":[{"activityType":"todo","properties":{"done":false,"text":"${text}"}}]}`;
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const list = crypto.randomUUID();
await phone.database.noot.bulkInsert(['milk', 'bread', 'eggs', 'tea'].map((text) => ({ id: text === 'milk' ? list : crypto.randomUUID(), data: noot(text) })));
await bothHave(list, { data: canonical('milk'), checksum: sha256(canonical('milk')) }, 'noot');
await apart(list, { data: noot('oat milk') }, { data: noot('soy milk') }, 'noot');
await bothHave(list, { data: canonical('oat milk'), checksum: sha256(canonical('oat milk')) }, 'noot');
check((await rejections()).some(({ row, values }) => row === list && isDeepStrictEqual(values.data, JSON.parse(noot('soy milk')))), await rejections());
worked('a noot travels with its checksum, and what lost is kept');

const LOG = 'mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id } } }';
const UPDATE = 'mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { id } } }';
const logs = (quantity) => ask(LOG, { input: { foodId: foodItemId, quantity, unit: 'g', mealType: 'lunch' } }, app.accessToken);
const { logFood } = await logs('10');
await bothHave(logFood.entry.id, { quantity: '10', calories: '10' });
await ask(UPDATE, { input: { id: logFood.entry.id, quantity: '20' } }, app.accessToken);
await bothHave(logFood.entry.id, { quantity: '20', calories: '20' });
worked('what an app does by an ordinary mutation, both have');

say({ waits: 'until the token has run out' });
await until('the sockets are closed', () => both.every((client) => client.forbidden > 0));
({ signIn: { session: app } } = await ask(SIGN_IN, { input: { email, password } }));
const { logFood: later } = await logs('30');
await bothHave(later.entry.id, { calories: '30' });
await (await tablet.document('foodEntry', later.entry.id)).incrementalPatch({ mealType: 'dinner' });
await bothHave(later.entry.id, { mealType: 'dinner' });
worked('a token that has run out is renewed, and nothing was missed');

await Promise.all(both.map((client) => client.inSync()));
for (const [name, schema] of Object.entries(schemas)) {
  const pulled = [];
  const pull = pullQueryBuilderFromRxSchema(name, builder(name));
  for (let checkpoint, page = [1]; page.length > 0; ) {
    const { query, variables } = pull(checkpoint, largest(name));
    ({ documents: page, checkpoint } = Object.values(await ask(query, variables, app.accessToken))[0]);
    pulled.push(...page);
  }
  const ordered = (documents) => documents.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const server = ordered(pulled.filter(({ _deleted }) => !_deleted).map(({ _deleted, ...document }) => document));
  check(server.length >= 4 && Object.keys(server[0]).length === Object.keys(schema.properties).length, name, server[0]);
  for (const client of both) {
    const documents = ordered((await client.database[name].find().exec()).map((document) => document.toJSON()));
    for (let at = 0; at < server.length; at++) check(isDeepStrictEqual(documents[at], server[at]), client.name, documents[at], server[at]);
    check(documents.length === server.length, client.name, name, documents.length, server.length);
  }
}
worked('both have what the server has');
await Promise.all(both.map((client) => client.close()));
process.exit(0);
