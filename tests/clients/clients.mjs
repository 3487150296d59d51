// Real clients, as apps use them, against a running server: each signs up, logs, pages through a list, is refused, and follows a
// day. Prints one line of JSON for each thing that worked.
// Usage: node clients.mjs URL

import { readFileSync } from 'node:fs';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client as UrqlClient, fetchExchange } from '@urql/core';
import { Kind, parse, print } from 'graphql';
import * as sse from 'graphql-sse';
import * as ws from 'graphql-ws';
import WebSocket from 'ws';

// What browsers and Node from 22 on have. Apollo asks for it by name.
globalThis.WebSocket ??= WebSocket;

const url = process.argv[2];
const socketUrl = url.replace(/^http/, 'ws');
const definitions = parse(readFileSync(new URL('operations.graphql', import.meta.url), 'utf8')).definitions;
const fragments = definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);

/** One operation of operations.graphql with the fragments that it spreads. */
function operation(name) {
  const definition = definitions.find((one) => one.name.value === name);
  const spread = fragments.filter((fragment) => print(definition).includes(`...${fragment.name.value}`));
  return { kind: Kind.DOCUMENT, definitions: [definition, ...spread] };
}

function check(truth, told) {
  if (!truth) throw new Error(JSON.stringify(told));
}

/** Does it again and again until the promise is fulfilled: nothing says when a subscription has begun. */
async function until(promise, act) {
  let done = false;
  promise.then(() => (done = true), () => (done = true));
  for (let tries = 0; tries < 60 && !done; tries++) {
    await act();
    await Promise.race([promise.catch(() => {}), new Promise((resolve) => setTimeout(resolve, 500))]);
  }
  check(done, 'nothing is told');
  return promise;
}

/**
 * What every client does. `connect(token)` answers { execute(name, variables) → data, codes(error) → the codes of a refusal,
 * follow(name, variables) → a promise of the first event, close() }.
 */
async function journey(name, connect) {
  const worked = (what) => console.log(JSON.stringify({ client: name, worked: what }));
  const newcomer = await connect(undefined);
  const input = { email: `${name}@example.org`, password: 'plum kettle harbour nine', fullName: name };
  const { signUp } = await newcomer.execute('SignUp', { input });
  check(signUp.viewer.fullName === name, signUp);
  await newcomer.close();
  worked('sign up');

  const client = await connect(signUp.session.accessToken);
  const nutrition = { calories: '100' };
  const { createFood } = await client.execute('CreateFood', { input: { name: 'Oats', servingSize: '100', servingUnit: 'g', nutrition } });
  const entry = { foodId: createFood.food.id, quantity: '50', unit: 'g', mealType: 'breakfast' };
  const { logFood } = await client.execute('LogFood', { input: entry });
  check(logFood.day.totals.calories === '50' && logFood.entry.name === 'Oats', logFood);
  worked('log');

  for (const value of ['70', '70.5', '71', '71.5', '72']) {
    await client.execute('RecordMeasurement', { input: { type: 'weight', value, unit: 'kg' } });
  }
  const values = [];
  for (let page = { hasNextPage: true }; page.hasNextPage; ) {
    const { viewer } = await client.execute('Measurements', { first: 2, after: page.endCursor });
    values.push(...viewer.measurements.nodes.map(({ value }) => value));
    page = viewer.measurements.pageInfo;
  }
  check(values.sort().join() === '70,70.5,71,71.5,72', values);
  worked('page');

  for (const [variables, code] of [
    [{ input: { ...entry, quantity: 'many' } }, 'BAD_USER_INPUT'],
    [{ input: { ...entry, foodId: '0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f' } }, 'NOT_FOUND'],
    [{ input: { quantity: '1' } }, 'BAD_REQUEST'],
  ]) {
    const codes = await client.execute('LogFood', variables).then((data) => data, (error) => client.codes(error));
    check(codes[0] === code, codes);
  }
  worked('error');

  const { date } = logFood.day;
  const { foodDayChanged } = await until(client.follow('FoodDayChanged', { date }), () => client.execute('LogFood', { input: entry }));
  check(foodDayChanged.date === date && foodDayChanged.entries[0].name === 'Oats', foodDayChanged);
  worked('event');

  const stranger = client.follow('FoodDayChanged', { personId: '0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f' });
  const codes = await stranger.then((data) => data, (error) => client.codes(error));
  check(codes[0] === 'NOT_FOUND', codes);
  worked('refused event');
  await client.close();
}

const codesOf = (errors) => errors.map(({ extensions }) => extensions.code);

/** The data of the first result of an operation whose results are told to a sink; the operation ends with it. */
function first(subscribe) {
  return new Promise((resolve, reject) => {
    const end = subscribe({
      next: (result) => {
        if (result.errors) reject(result.errors);
        else resolve(result.data);
        queueMicrotask(() => end());
      },
      error: reject,
      complete: () => reject(new Error('it completed without a result')),
    });
  });
}

await journey('apollo', async (token) => {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const socket = ws.createClient({ url: socketUrl, connectionParams: headers });
  const link = ApolloLink.split(({ operationType }) => operationType === 'subscription', new GraphQLWsLink(socket), new HttpLink({ uri: url, headers }));
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return {
    async execute(name, variables) {
      const document = operation(name);
      const isQuery = document.definitions[0].operation === 'query';
      const { data } = isQuery ? await client.query({ query: document, variables }) : await client.mutate({ mutation: document, variables });
      return data;
    },
    codes: (error) => (CombinedGraphQLErrors.is(error) ? codesOf(error.errors) : [String(error)]),
    follow: (name, variables) =>
      new Promise((resolve, reject) => {
        const subscription = client.subscribe({ query: operation(name), variables }).subscribe({
          next: ({ data, error }) => {
            if (error) reject(error);
            else resolve(data);
            queueMicrotask(() => subscription.unsubscribe());
          },
          error: reject,
        });
      }),
    async close() {
      client.stop();
      await socket.dispose();
    },
  };
});

// urql follows over server-sent events, which it lists last in what it accepts for anything else.
await journey('urql', async (token) => {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const client = new UrqlClient({ url, exchanges: [fetchExchange], fetchSubscriptions: true, fetchOptions: { headers }, preferGetMethod: false });
  return {
    async execute(name, variables) {
      const document = operation(name);
      const result = document.definitions[0].operation === 'query' ? client.query(document, variables) : client.mutation(document, variables);
      const { data, error } = await result.toPromise();
      if (error) throw error;
      return data;
    },
    codes: (error) => (error.graphQLErrors?.length ? codesOf(error.graphQLErrors) : [String(error)]),
    follow: (name, variables) =>
      new Promise((resolve, reject) => {
        const { unsubscribe } = client.subscription(operation(name), variables).subscribe(({ data, error }) => {
          if (error) reject(error);
          else resolve(data);
          queueMicrotask(unsubscribe);
        });
      }),
    async close() {},
  };
});

for (const [name, create] of [
  ['graphql-ws', (token) => ws.createClient({ url: socketUrl, lazy: false, connectionParams: token && { authorization: `Bearer ${token}` } })],
  ['graphql-sse', (token) => sse.createClient({ url, headers: token ? { authorization: `Bearer ${token}` } : {} })],
]) {
  await journey(name, async (token) => {
    const client = create(token);
    const run = (name, variables) => first((sink) => client.subscribe({ query: print(operation(name)), variables }, sink));
    return { execute: run, follow: run, codes: (errors) => (Array.isArray(errors) ? codesOf(errors) : [String(errors)]), close: () => client.dispose() };
  });
}
