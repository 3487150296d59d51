// What the clients of this folder's measurements share.

import http from 'node:http';

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

/** Sends a request and answers its data. Sign-ups are limited by address, so each person comes from one of their own in 127/8. */
export function ask(url, query, variables, token, localAddress) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', headers, localAddress, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => {
        const { data, errors } = JSON.parse(text);
        if (errors) reject(new Error(JSON.stringify(errors)));
        else resolve(data);
      });
    });
    request.on('error', reject).end(JSON.stringify({ query, variables }));
  });
}

/** Signs somebody up. */
export async function person(url, n) {
  const input = { email: `bench${n}@example.org`, password: 'plum kettle harbour nine' };
  const signUp = 'mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }';
  const { signUp: answer } = await ask(url, signUp, { input }, undefined, `127.0.${1 + Math.floor(n / 200)}.${1 + (n % 200)}`);
  return { n, token: answer.session.accessToken };
}

/** A socket with one subscription; `told` is called with the data of each event. */
export function follow(WebSocket, url, token, query, told) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), 'graphql-transport-ws', { perMessageDeflate: false });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init', payload: { accessToken: token } })));
    socket.on('error', reject).on('close', (code, reason) => reject(new Error(`closed: ${code} ${reason}`)));
    socket.on('message', (text) => {
      const message = JSON.parse(text);
      if (message.type === 'connection_ack') {
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
        resolve(socket);
      } else if (message.type === 'next' && message.payload.data) told(message.payload.data);
      else throw new Error(text);
    });
  });
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Does `count` pieces of work, `width` at a time. */
export async function inTurn(count, width, work) {
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => { while (next < count) await work(next++); }));
}

/** A quantile of times. */
export const quantile = (times, share) => times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))];
