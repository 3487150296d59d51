import { getOperationAST, parse } from 'graphql';

// The session of this tab, under the same key and in the same shape as the explorer page keeps it.
const KEY = 'hale.session';
const OPENS_A_SESSION = ['signUp', 'signIn', 'refreshSession'];

function stored() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function store(session) {
  if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
  else sessionStorage.removeItem(KEY);
}

/** Keeps the session that an answer opened, and forgets the one that it ended. */
function learn(data) {
  for (const payload of Object.values(data ?? {})) {
    if (payload?.session?.accessToken) {
      const { accessToken, refreshToken, accessTokenExpiresAt } = payload.session;
      store({
        accessToken,
        refreshToken: refreshToken ?? null,
        expiresAt: accessTokenExpiresAt ?? null,
        viewer: payload.viewer ?? null,
      });
    } else if (payload?.signedOut === true) store(null);
  }
}

/** Whether the operation opens a session, so that an old one has no say in it. */
function opensSession({ query, operationName }) {
  try {
    const operation = getOperationAST(parse(query), operationName);
    return operation.selectionSet.selections.some((field) => OPENS_A_SESSION.includes(field.name?.value));
  } catch {
    return false;
  }
}

const read = (response) => response.clone().json().catch(() => null);

let refreshing = null;

/** Exchanges the refresh token, once however many ask. */
function refresh(url, { refreshToken, viewer }) {
  refreshing ??= (async () => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query:
          'mutation Refresh($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken accessTokenExpiresAt refreshToken } } }',
        variables: { input: { refreshToken } },
      }),
    });
    const answer = await read(response);
    learn(answer?.data);
    if (answer?.data?.refreshSession?.session) store({ ...stored(), viewer });
    else if (lacksSession(answer)) store(null);
    return stored();
  })().finally(() => (refreshing = null));
  return refreshing;
}

const lacksSession = (answer) =>
  answer?.errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED') &&
  Object.values(answer.data ?? {}).every((value) => value === null);

/** `fetch` with the session, repeated once after a refresh when the access token had run out. */
export async function sessionFetch(url, init) {
  const send = (session) => {
    const headers = new Headers(init.headers);
    if (session) headers.set('authorization', `Bearer ${session.accessToken}`);
    return fetch(url, { ...init, headers });
  };
  const alone = new Headers(init.headers).has('authorization') || opensSession(JSON.parse(init.body));
  const session = alone ? null : stored();
  let response = await send(session);
  let answer = await read(response);
  if (session?.refreshToken && lacksSession(answer)) {
    const renewed = await refresh(url, session);
    if (renewed && renewed.accessToken !== session.accessToken) {
      response = await send(renewed);
      answer = await read(response);
    }
  }
  learn(answer?.data);
  return response;
}
