// The explorer of Hale: one page to try the API with. It needs nothing but this file, its style sheet and POST /graphql,
// never builds HTML from text, and keeps what it remembers in this tab (sessionStorage).

const ENDPOINT = '/graphql';
const $ = (id) => document.getElementById(id);

/** Makes an element. `props` are properties, except `class`, `on` (listeners) and names with a dash or `role` (attributes). */
function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (name === 'class') node.className = value;
    else if (name === 'on') for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
    else if (name === 'role' || name.includes('-')) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return node;
}

// --- What the tab remembers ---------------------------------------------------------------------------------------

const memory = {
  read(key) {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      if (value == null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Storage is full or forbidden: the page goes on without.
    }
  },
};

/** What former answers said: ids to use in the next example, and which steps were run. */
const seen = { done: [], ...memory.read('hale.seen') };
const remember = (facts) => memory.write('hale.seen', Object.assign(seen, facts));

// --- Reading GraphQL and JSON, for colours, operations and where the cursor is --------------------------------------

const GRAPHQL_TOKEN =
  /(?<comment>#[^\n]*)|(?<string>"""(?:\\"""|[^])*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?)|(?<spread>\.\.\.)|(?<variable>\$\w*)|(?<directive>@\w*)|(?<number>-?\d[\d.eE+-]*)|(?<name>[_A-Za-z]\w*)|(?<mark>[{}()[\]:!=|&])|(?<space>[\s,\uFEFF]+)|(?<other>[^])/g;

const JSON_TOKEN =
  /(?<key>"(?:\\.|[^"\\\n])*"(?=\s*:))|(?<string>"(?:\\.|[^"\\\n])*"?)|(?<number>-?\d[\d.eE+-]*)|(?<literal>\b(?:true|false|null)\b)|(?<mark>[{}[\],:])|(?<other>[\s]+|[^])/g;

const KEYWORDS = new Set(['query', 'mutation', 'subscription', 'fragment']);
const CLOSES = { '{': '}', '(': ')', '[': ']' };

/**
 * Splits a document into tokens. Each has its text, start and kind (a colour), and `open`: the brackets around it, of
 * which 's' is a selection set, 'd' the variables of an operation, 'a' arguments, 'o' an object and '[' a list.
 */
function scanGraphql(text) {
  const tokens = [];
  let open = '';
  let before = { kind: '', text: '' };
  for (const match of text.matchAll(GRAPHQL_TOKEN)) {
    const [kind] = Object.entries(match.groups).find(([, value]) => value !== undefined);
    const token = { kind, text: match[0], start: match.index, open };
    const top = open.at(-1) ?? '';
    if (kind === 'mark') {
      if (token.text === '{') open += top === '' || top === 's' ? 's' : 'o';
      else if (token.text === '(') open += top === '' ? 'd' : 'a';
      else if (token.text === '[') open += '[';
      else if ('})]'.includes(token.text)) open = open.slice(0, -1);
    } else if (kind === 'name') {
      const named = /^[\s,]*:/.test(text.slice(token.start + token.text.length, token.start + token.text.length + 40));
      if (before.text === 'on' && before.kind === 'keyword') token.kind = 'type';
      else if (top === '') token.kind = KEYWORDS.has(token.text) || token.text === 'on' ? 'keyword' : 'name';
      else if (top === 's') token.kind = before.text === '...' ? (token.text === 'on' ? 'keyword' : 'name') : 'field';
      else if (open[0] === 'd') token.kind = before.text === '=' ? 'literal' : 'type';
      else token.kind = named ? 'argument' : 'literal';
    } else if (kind === 'directive') token.kind = 'keyword';
    else if (kind === 'spread') token.kind = 'mark';
    tokens.push(token);
    if (kind !== 'space' && kind !== 'comment') before = token;
  }
  return tokens;
}

function scanJson(text) {
  return Array.from(text.matchAll(JSON_TOKEN), (match) => ({
    kind: Object.entries(match.groups).find(([, value]) => value !== undefined)[0],
    text: match[0],
  }));
}

/** The operations of a document: kind, name, where they are, and the fields at their root. */
function operationsOf(text) {
  const operations = [];
  let current = null;
  let before = null;
  for (const token of scanGraphql(text)) {
    if (token.kind === 'space' || token.kind === 'comment') continue;
    if (token.open === '') {
      if (token.kind === 'keyword' && KEYWORDS.has(token.text)) {
        current = { kind: token.text, name: null, start: token.start, end: text.length, roots: [] };
        operations.push(current);
      } else if (token.kind === 'name' && before?.kind === 'keyword' && current) current.name = token.text;
      else if (token.text === '{' && (!current || current.closed)) {
        current = { kind: 'query', name: null, start: token.start, end: text.length, roots: [] };
        operations.push(current);
      }
    } else if (token.open === 's' && current) {
      if (token.kind === 'field') {
        // `alias: field` is that field.
        if (before?.text === ':') current.roots.pop();
        current.roots.push(token.text);
      } else if (token.text === '}') {
        current.end = token.start + 1;
        current.closed = true;
      }
    }
    before = token;
  }
  return operations.filter((operation) => operation.kind !== 'fragment');
}

/** The operation at a place of the document, or the first one. */
function operationAt(text, place) {
  const operations = operationsOf(text);
  const chosen = operations.findLast((operation) => operation.start <= place) ?? operations[0];
  return chosen && { ...chosen, alone: operations.length === 1 };
}

const PLAIN = new Set(['space', 'name', 'other']);
const colour = ({ kind, text }) => (PLAIN.has(kind) ? text : el('span', { class: `t-${kind}`, textContent: text }));

function draw(target, tokens) {
  target.replaceChildren(...tokens.map(colour));
}

/** The same, with each line an element that knows its indentation, so that what is folded stays to the right of it. */
function drawLines(target, tokens) {
  const line = (indent) => {
    const element = el('span', { class: 'line' }, ' '.repeat(indent));
    element.style.setProperty('--indent', indent);
    return element;
  };
  const lines = [line(0)];
  for (const token of tokens) {
    if (token.text[0] === '\n') {
      lines.at(-1).append('\n');
      lines.push(line(token.text.length - 1));
    } else lines.at(-1).append(colour(token));
  }
  target.replaceChildren(...lines);
}

// --- The editors --------------------------------------------------------------------------------------------------

/** A textarea with its coloured copy beneath, line numbers, and keys that indent. */
class Editor {
  constructor(area, scan, changed) {
    this.area = area;
    this.scan = scan;
    this.changed = changed;
    this.copy = area.previousElementSibling;
    this.gutter = area.closest('.editor').querySelector('.gutter');
    this.leaving = false;
    area.addEventListener('input', () => this.redraw());
    area.addEventListener('keydown', (event) => this.key(event));
    area.addEventListener('blur', () => (this.leaving = false));
    area.closest('.editor').addEventListener('mousedown', (event) => {
      if (event.target !== area) {
        event.preventDefault();
        area.focus({ preventScroll: true });
      }
    });
    this.redraw();
  }

  get text() {
    return this.area.value;
  }

  /** Replaces everything, in a way that undo takes back. */
  set text(text) {
    if (text === this.area.value) return;
    this.replace(0, this.area.value.length, text);
    this.area.closest('.editor').scrollTo(0, 0);
  }

  redraw() {
    const { value } = this.area;
    draw(this.copy, this.scan(value));
    this.copy.append('\n');
    const lines = value.split('\n').length;
    if (lines !== this.lines) {
      this.lines = lines;
      this.gutter.textContent = Array.from({ length: lines }, (_, line) => line + 1).join('\n');
    }
    this.changed?.();
  }

  replace(start, end, text, select = [text.length, text.length]) {
    const { area } = this;
    const focused = document.activeElement;
    area.focus({ preventScroll: true });
    area.setSelectionRange(start, end);
    // The one way to edit that the browser's undo knows; where it is gone, undo is what is lost.
    const done = text === '' ? document.execCommand('delete') : document.execCommand('insertText', false, text);
    if (!done && area.value.slice(start, start + text.length) !== text) area.setRangeText(text, start, end);
    area.setSelectionRange(start + select[0], start + select[1]);
    if (focused === document.body) area.blur();
    else if (focused !== area) focused?.focus({ preventScroll: true });
    this.redraw();
  }

  key(event) {
    const { area } = this;
    const { selectionStart: start, selectionEnd: end, value } = area;
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const lineStart = value.lastIndexOf('\n', start - 1) + 1;
    if (event.key === 'Escape') this.leaving = true;
    else if (event.key === 'Tab' && !this.leaving) {
      event.preventDefault();
      if (!event.shiftKey && start === end) return this.replace(start, end, '  ');
      const block = value.slice(lineStart, end);
      const shifted = event.shiftKey ? block.replace(/^ {1,2}/gm, '') : block.replace(/^/gm, '  ');
      this.replace(lineStart, end, shifted, start === end ? undefined : [0, shifted.length]);
    } else if (event.key === 'Enter') {
      event.preventDefault();
      const indent = /^[ \t]*/.exec(value.slice(lineStart, start))[0];
      const opened = CLOSES[value.slice(0, start).trimEnd().at(-1)];
      const inner = opened ? `${indent}  ` : indent;
      const tail = opened && value[end] === opened ? `\n${indent}` : '';
      this.replace(start, end, `\n${inner}${tail}`, [1 + inner.length, 1 + inner.length]);
    } else if ('})]'.includes(event.key) && start === end && /^[ \t]{2,}$/.test(value.slice(lineStart, start))) {
      event.preventDefault();
      this.replace(start - 2, end, event.key);
    } else if (event.key !== 'Shift') this.leaving = false;
  }
}

/** What of the variables may be kept in the tab: everything but secrets. */
function withoutSecrets(text) {
  try {
    return JSON.stringify(JSON.parse(text, (key, value) => (/password|secret|code|token/i.test(key) ? '' : value)), null, 2);
  } catch {
    return '';
  }
}

let drafting = 0;
function keepDraft() {
  clearTimeout(drafting);
  drafting = setTimeout(() => {
    memory.write('hale.draft', { query: query.text, variables: withoutSecrets(variables.text) });
  }, 300);
}

const query = new Editor($('query'), scanGraphql, () => queueMicrotask(() => (nameRun(), keepDraft())));
const variables = new Editor($('variables'), scanJson, () => queueMicrotask(() => (checkInputs(), keepDraft())));
const headers = new Editor($('headers'), scanJson, () => queueMicrotask(() => checkInputs()));

/** The object in an editor; empty when there is none. Throws what to tell the reader. */
function objectIn(editor, what) {
  if (editor.text.trim() === '') return {};
  let value;
  try {
    value = JSON.parse(editor.text);
  } catch (error) {
    throw new Error(`${what}: ${error.message}`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error(`${what} must be a JSON object`);
  return value;
}

function checkInputs() {
  let fault = '';
  try {
    objectIn(variables, 'Variables');
    objectIn(headers, 'Headers');
  } catch (error) {
    fault = error.message;
  }
  if ($('inputs-fault').textContent !== fault) $('inputs-fault').textContent = $('inputs-fault').title = fault;
}

function nameRun() {
  const operation = operationAt(query.text, query.area.selectionStart);
  $('run-label').textContent = operation && !operation.alone && operation.name ? `Run ${operation.name}` : 'Run';
}

function showTab(name) {
  for (const tab of ['variables', 'headers']) {
    const chosen = tab === name;
    $(`tab-${tab}`).setAttribute('aria-selected', chosen);
    $(`tab-${tab}`).tabIndex = chosen ? 0 : -1;
    $(`panel-${tab}`).hidden = !chosen;
  }
}

// --- The session --------------------------------------------------------------------------------------------------

let session = memory.read('hale.session');
const SIGN_IN = ['signUp', 'signIn', 'refreshSession'];

function setSession(next) {
  session = next;
  memory.write('hale.session', next);
  showSession();
}

function showSession() {
  const name = session?.viewer?.fullName || session?.viewer?.email;
  if (!session) {
    $('session').replaceChildren(
      el('p', { class: 'chip' }, el('span', {}, 'Not signed in')),
      el('button', { type: 'button', class: 'button quiet', textContent: 'Sign in', on: { click: () => fill('signIn') } }),
    );
    return;
  }
  $('session').replaceChildren(
    el(
      'p',
      { class: 'chip on', title: [session.viewer?.email, session.expiresAt && `access token until ${new Date(session.expiresAt).toLocaleTimeString()}`].filter(Boolean).join(', ') },
      el('span', {}, 'Signed in', name ? [' as ', el('strong', {}, name)] : null),
    ),
    el('button', { type: 'button', class: 'button quiet', textContent: 'Sign out', on: { click: signOut } }),
  );
}

/** Takes the session out of an answer, wherever a root field of it has one, and forgets it when it was ended. */
function learnSession(data) {
  for (const [root, payload] of Object.entries(data ?? {})) {
    if (payload?.session?.accessToken) {
      const { accessToken, refreshToken, accessTokenExpiresAt } = payload.session;
      setSession({
        accessToken,
        refreshToken: refreshToken ?? null,
        expiresAt: accessTokenExpiresAt ?? null,
        viewer: payload.viewer ?? (root === 'refreshSession' ? session?.viewer : null),
      });
    } else if (payload?.signedOut === true) setSession(null);
    else if (session && root === 'viewer' && payload && (payload.fullName || payload.email)) {
      const { id, fullName, email } = { ...session.viewer, ...payload };
      setSession({ ...session, viewer: { id, fullName, email } });
    }
  }
}

/** Asks who the session belongs to, when the answer that opened it did not say. */
async function learnViewer() {
  if (!session || session.viewer?.fullName || session.viewer?.email) return;
  const { json } = await post({ query: '{ viewer { id fullName email } }' }).catch(() => ({}));
  if (json?.data) learnSession(json.data);
}

async function signOut() {
  try {
    const { json } = await send({ query: 'mutation SignOut { signOut(input: {}) { signedOut } }' });
    if (session && json?.errors) note('warn', 'Signed out here only', json.errors[0].message);
  } catch (error) {
    note('warn', 'Signed out here only', error.message);
  }
  setSession(null);
}

let refreshing = null;

/** Exchanges the refresh token, once however many ask. Answers whether there is a new access token. */
function refresh() {
  refreshing ??= (async () => {
    const { json } = await post(
      {
        query:
          'mutation Refresh($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken accessTokenExpiresAt refreshToken } } }',
        variables: { input: { refreshToken: session.refreshToken } },
      },
      { anonymous: true },
    );
    if (json?.data?.refreshSession?.session) {
      learnSession(json.data);
      return true;
    }
    // A refusal ends the session; a server that is busy does not.
    if (codesOf(json).some((code) => ['UNAUTHENTICATED', 'FORBIDDEN', 'BAD_USER_INPUT', 'NOT_FOUND'].includes(code))) setSession(null);
    return false;
  })().finally(() => (refreshing = null));
  return refreshing;
}

// --- Sending ------------------------------------------------------------------------------------------------------

const codesOf = (json) => (Array.isArray(json?.errors) ? json.errors.map((error) => error?.extensions?.code) : []);

/** One request as it is. `anonymous` leaves the session out. */
async function post(body, { anonymous = false, extra = {}, signal } = {}) {
  const sent = new Headers({ 'content-type': 'application/json', accept: 'application/json' });
  if (session && !anonymous) sent.set('authorization', `Bearer ${session.accessToken}`);
  for (const [name, value] of Object.entries(extra)) sent.set(name, value);
  const began = performance.now();
  const response = await fetch(ENDPOINT, { method: 'POST', headers: sent, body: JSON.stringify(body), signal });
  const text = await response.text();
  const took = performance.now() - began;
  let json = null;
  try {
    json = JSON.parse(text);
  } catch {
    // Not GraphQL: the text is shown as it came.
  }
  return { status: response.status, reason: response.statusText, text, json, took };
}

/** One request, and once more after a refresh when the access token had run out and nothing was done yet. */
async function send(body, options = {}) {
  const own = Object.keys(options.extra ?? {}).some((name) => name.toLowerCase() === 'authorization');
  const answer = await post(body, options);
  const untouched = Object.values(answer.json?.data ?? {}).every((value) => value === null);
  const expired = codesOf(answer.json).includes('UNAUTHENTICATED') && untouched;
  if (!expired || own || options.anonymous || !session?.refreshToken) return answer;
  if (!(await refresh().catch(() => false))) {
    return session ? answer : { ...answer, note: ['warn', 'The session has ended', 'Sign in again to go on.'] };
  }
  return { ...(await post(body, options)), note: ['good', 'Session refreshed', 'The access token had run out; this is the answer to the repeated request.'] };
}

let running = null;

async function run() {
  if (running) return running.abort();
  const operation = operationAt(query.text, query.area.selectionStart);
  $('notes').replaceChildren();
  let body, extra;
  try {
    if (!operation) throw new Error('There is no query to run.');
    body = { query: query.text, variables: objectIn(variables, 'Variables') };
    extra = objectIn(headers, 'Headers');
    if (!operation.alone && operation.name) body.operationName = operation.name;
  } catch (error) {
    return note('bad', 'Not sent', error.message);
  }
  running = new AbortController();
  $('run-label').textContent = 'Stop';
  $('answer-title').closest('.pane').classList.add('busy');
  try {
    const anonymous = operation.roots.some((root) => SIGN_IN.includes(root));
    const answer = await send(body, { anonymous, extra, signal: running.signal });
    learnSession(answer.json?.data);
    learnIds(answer.json?.data);
    showAnswer(answer);
    advise(operation, answer, body.variables);
    markDone(operation, answer);
    learnViewer();
  } catch (error) {
    showStatus('bad', error.name === 'AbortError' ? 'Stopped' : 'No answer');
    if (error.name !== 'AbortError') note('bad', 'No answer', `${error.message}. Is Hale still running?`);
  } finally {
    running = null;
    $('answer-title').closest('.pane').classList.remove('busy');
    nameRun();
  }
}

// --- Showing the answer -------------------------------------------------------------------------------------------

function note(tone, title, text, ...more) {
  $('notes').append(el('p', { class: `note ${tone}` }, el('b', {}, title), text && el('span', {}, text), more));
}

const round = (number) => (number < 10 ? number.toFixed(1) : Math.round(number).toLocaleString('en'));
const sizeOf = (text) => {
  const bytes = new TextEncoder().encode(text).length;
  return bytes < 1000 ? `${bytes} B` : `${round(bytes / 1000)} kB`;
};

function showStatus(tone, title, ...facts) {
  $('status').className = `status ${tone}`;
  $('status').replaceChildren(el('b', {}, title), facts.join(' · '));
}

function showAnswer({ status, reason, text, json, took, note: told }) {
  const errors = Array.isArray(json?.errors) ? json.errors : [];
  const title = `${status} ${errors.length ? 'with errors' : reason || (status < 300 ? 'OK' : '')}`;
  showStatus(errors.length || status >= 300 ? 'bad' : 'good', title, `${round(took)} ms`, sizeOf(text));
  if (told) note(...told);
  for (const error of errors) {
    const { code, field, retryAfter } = error.extensions ?? {};
    const where = [error.path?.join('.'), field && `input ${field}`, retryAfter && `again after ${retryAfter} s`].filter(Boolean);
    note('bad', code ?? 'ERROR', String(error.message), where.length ? el('code', {}, where.join(' · ')) : null);
  }
  if (!json && status >= 300) note('bad', `HTTP ${status}`, 'The answer is not GraphQL.');
  $('welcome').hidden = true;
  $('copy').hidden = $('result').hidden = false;
  const pretty = json ? JSON.stringify(json, null, 2) : text;
  // Colours cost an element a token: beyond this, plain text scrolls better.
  if (json && pretty.length < 200_000) drawLines($('result'), scanJson(pretty));
  else $('result').textContent = pretty;
  $('result').scrollTop = 0;
}

/** A word on what to do next, where the answer alone would leave a newcomer stuck. */
function advise(operation, { json }, sent) {
  const codes = codesOf(json);
  const signUp = json?.data?.signUp;
  if (signUp && !signUp.session) note('good', 'Look at your mail', 'Hale sent a message to that address; it says how to go on.');
  if (operation.roots.includes('signUp') && codes.includes('CONFLICT')) {
    remember({ email: sent.input?.email ?? seen.email });
    offer('That address has an account already.', 'signIn', 'Sign in instead');
  } else if (codes.includes('UNAUTHENTICATED') && !session && !operation.roots.some((root) => SIGN_IN.includes(root))) {
    offer('This needs a session.', 'signUp', 'Sign up');
  }
  if (json?.data?.foods?.nodes?.length === 0) note('warn', 'Nothing found', 'Try another word, or import foods as the README says.');
}

function offer(text, example, label) {
  $('notes').append(
    el('p', { class: 'note warn' }, el('span', {}, text), el('button', { type: 'button', class: 'button', textContent: label, on: { click: () => fill(example) } })),
  );
}

// --- Examples -----------------------------------------------------------------------------------------------------

/** Ids that later examples use. */
function learnIds(data) {
  if (!data) return;
  const [food] = data.foods?.nodes ?? [];
  if (food?.id) remember({ food: { id: food.id, portion: food.portions?.[0]?.name ?? null } });
  if (data.createFood?.food?.id) remember({ food: { id: data.createFood.food.id, portion: null } });
  if (data.logFood?.entry?.id) remember({ entry: data.logFood.entry.id });
  if (data.deleteFoodEntry?.deletedId === seen.entry) remember({ entry: null });
  const [exercise] = data.exercises?.nodes ?? [];
  if (exercise?.id) remember({ exercise: exercise.id });
}

const daysAgo = (days) => {
  const date = new Date(Date.now() - days * 86_400_000);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
};

const SESSION_FIELDS = `session { accessToken accessTokenExpiresAt refreshToken }
    viewer { id fullName email }`;

/** `step` examples are the walk-through, in order. `needs` says what must have been seen before, and who shows it. */
const EXAMPLES = {
  signUp: {
    step: true,
    title: 'Sign up',
    query: `mutation SignUp($input: SignUpInput!) {
  signUp(input: $input) {
    ${SESSION_FIELDS}
  }
}`,
    variables: () => ({
      input: {
        email: 'ada@example.com',
        password: 'plum kettle harbour nine',
        fullName: 'Ada Lovelace',
        timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      },
    }),
  },
  foods: {
    step: true,
    title: 'Search a food',
    query: `query Foods($search: String!) {
  foods(search: $search, first: 5) {
    nodes {
      id
      name
      brand
      portions { name amount unit }
      servingSize
      servingUnit
      nutrition { calories protein carbohydrates fat }
    }
  }
}`,
    variables: () => ({ search: 'banana' }),
  },
  logFood: {
    step: true,
    title: 'Log it',
    needs: ['food', 'foods', 'Search a food first: its id goes into the variables.'],
    query: `mutation LogFood($input: LogFoodInput!) {
  logFood(input: $input) {
    entry {
      id
      name
      quantity
      unit
      nutrition { calories protein }
    }
    day {
      date
      totals { calories protein carbohydrates fat }
    }
  }
}`,
    variables: () => ({
      input: {
        foodId: seen.food?.id ?? '',
        quantity: seen.food?.portion ? '1' : '100',
        unit: seen.food?.portion ?? 'g',
        mealType: 'breakfast',
      },
    }),
  },
  day: {
    step: true,
    title: 'Read the day',
    query: `query Day {
  viewer {
    foodDay {
      date
      entries {
        id
        mealType
        name
        quantity
        unit
        nutrition { calories }
      }
      totals { calories protein carbohydrates fat unknown }
      goal { calories }
    }
  }
}`,
  },
  recordMeasurement: {
    step: true,
    title: 'Record weight',
    query: `mutation RecordWeight($input: RecordMeasurementInput!) {
  recordMeasurement(input: $input) {
    measurement {
      id
      type
      value
      unit
      date
    }
  }
}`,
    variables: () => ({ input: { type: 'weight', value: '68.4', unit: 'kg' } }),
  },
  setGoal: {
    step: true,
    title: 'Set a calorie goal',
    query: `mutation SetGoal($input: SetGoalInput!) {
  setGoal(input: $input) {
    goal {
      id
      type
      targetValue
      targetUnit
      status
      validFrom
    }
  }
}`,
    variables: () => ({ input: { type: 'calorie_target', targetValue: '2100', targetUnit: 'kcal' } }),
  },
  signIn: {
    title: 'Sign in',
    query: `mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    ${SESSION_FIELDS}
  }
}`,
    variables: () => ({ input: { email: seen.email ?? 'ada@example.com', password: 'plum kettle harbour nine' } }),
  },
  updateFoodEntry: {
    title: 'Change the entry',
    needs: ['entry', 'logFood', 'Log a food first: the entry’s id goes into the variables.'],
    query: `mutation ChangeEntry($input: UpdateFoodEntryInput!) {
  updateFoodEntry(input: $input) {
    entry { id name quantity unit nutrition { calories } }
    days { date totals { calories } }
  }
}`,
    variables: () => ({ input: { id: seen.entry ?? '', quantity: '2' } }),
  },
  deleteFoodEntry: {
    title: 'Delete the entry',
    needs: ['entry', 'logFood', 'Log a food first: the entry’s id goes into the variables.'],
    query: `mutation DeleteEntry($input: DeleteInput!) {
  deleteFoodEntry(input: $input) {
    deletedId
    day { date totals { calories } }
  }
}`,
    variables: () => ({ input: { id: seen.entry ?? '' } }),
  },
  createFood: {
    title: 'Add a food of your own',
    query: `mutation CreateFood($input: CreateFoodInput!) {
  createFood(input: $input) {
    food { id name servingSize servingUnit nutrition { calories protein } }
  }
}`,
    variables: () => ({
      input: {
        name: 'Lentil soup, my way',
        servingSize: '100',
        servingUnit: 'g',
        nutrition: { calories: '74', protein: '4.6', carbohydrates: '10.2', fat: '1.7' },
      },
    }),
  },
  exercises: {
    title: 'Find an exercise',
    query: `query Exercises($search: String) {
  exercises(search: $search, first: 5) {
    nodes { id name category muscleGroups equipment }
  }
}`,
    variables: () => ({ search: 'rowing' }),
  },
  logExercise: {
    title: 'Log the exercise',
    needs: ['exercise', 'exercises', 'Find an exercise first: its id goes into the variables.'],
    query: `mutation LogExercise($input: LogExerciseInput!) {
  logExercise(input: $input) {
    entry { id name durationMinutes caloriesBurned }
    day { date caloriesBurned }
  }
}`,
    variables: () => ({ input: { exerciseId: seen.exercise ?? '', durationMinutes: '30' } }),
  },
  report: {
    title: 'Read the last seven days',
    query: `query Week($from: Date!, $to: Date!) {
  viewer {
    nutritionReport(from: $from, to: $to) {
      days { date totals { calories protein } goal { calories } }
      average { calories protein carbohydrates fat }
    }
  }
}`,
    variables: () => ({ from: daysAgo(6), to: daysAgo(0) }),
  },
  offerAccess: {
    title: 'Share with a relative',
    query: `mutation Share($input: OfferAccessInput!) {
  offerAccess(input: $input) {
    offers { id granteeEmail accessType canWrite status }
  }
}`,
    variables: () => ({ input: { granteeEmail: 'grace@example.com', accessTypes: ['CALORIE', 'REPORTS'], canWrite: false } }),
  },
};

let chosen = null;

function fill(name) {
  const example = EXAMPLES[name];
  chosen = name;
  $('more').open = false;
  query.text = example.query;
  query.area.setSelectionRange(0, 0);
  const values = example.variables?.();
  variables.text = values ? JSON.stringify(values, null, 2) : '';
  showTab('variables');
  showSteps();
  nameRun();
  $('notes').replaceChildren();
  const [fact, source, why] = example.needs ?? [];
  if (fact && !seen[fact]) offer(why, source, EXAMPLES[source].title);
}

/** A step is done when its query ran without an error, whoever wrote it. */
function markDone(operation, { json }) {
  if (!json?.data || codesOf(json).length) return;
  if (operation.roots.includes('signUp') || operation.roots.includes('signIn')) {
    const email = json.data.signUp?.viewer?.email ?? json.data.signIn?.viewer?.email;
    remember({ email: email ?? seen.email });
  }
  const root = operation.roots[0] === 'signIn' ? 'signUp' : operation.roots[0] === 'viewer' && chosen === 'day' ? 'day' : operation.roots[0];
  if (!EXAMPLES[root]?.step || seen.done.includes(root)) return;
  remember({ done: [...seen.done, root] });
  showSteps();
}

function showSteps() {
  const steps = Object.entries(EXAMPLES).filter(([, example]) => example.step);
  if (!$('steps').children.length) {
    steps.forEach(([name, { title }]) => {
      const button = el('button', { type: 'button', class: 'step', on: { click: () => fill(name) } }, el('i', { 'aria-hidden': 'true' }), title, el('span', { class: 'unseen' }));
      $('steps').append(el('li', {}, button));
    });
    for (const [name, { step, title }] of Object.entries(EXAMPLES)) {
      if (!step) $('examples').append(el('li', {}, el('button', { type: 'button', textContent: title, on: { click: () => fill(name) } })));
    }
  }
  steps.forEach(([name], index) => {
    const button = $('steps').children[index].firstChild;
    const done = seen.done.includes(name);
    button.classList.toggle('done', done);
    button.firstChild.textContent = done ? '✓' : index + 1;
    button.lastChild.textContent = done ? ', done' : '';
    if (name === chosen) button.setAttribute('aria-current', 'step');
    else button.removeAttribute('aria-current');
  });
}

// --- The schema ---------------------------------------------------------------------------------------------------

// Ten levels deep, in one document: within what the server allows to introspection.
const INTROSPECTION = `query ExplorerSchema {
  __schema {
    queryType { name } mutationType { name } subscriptionType { name }
    types {
      kind name description
      fields(includeDeprecated: true) { name description isDeprecated deprecationReason args { ...Value } type { ...Ref } }
      inputFields { ...Value }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      interfaces { name } possibleTypes { name }
    }
  }
}
fragment Value on __InputValue { name description defaultValue type { ...Ref } }
fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }`;

let types = new Map();
let roots = {};
let trail = [];

const named = (ref) => (ref.ofType ? named(ref.ofType) : ref.name);
const spell = (ref) => (ref.kind === 'NON_NULL' ? `${spell(ref.ofType)}!` : ref.kind === 'LIST' ? `[${spell(ref.ofType)}]` : ref.name);
const required = (value) => value.type.kind === 'NON_NULL' && value.defaultValue == null;
const isLeaf = (ref) => ['SCALAR', 'ENUM'].includes(types.get(named(ref))?.kind);

async function loadSchema() {
  page(el('p', {}, 'Reading the schema…'));
  try {
    const { json, status } = await post({ query: INTROSPECTION }, { anonymous: true });
    const schema = json?.data?.__schema;
    if (!schema) throw new Error(json?.errors?.[0]?.message ?? (json ? 'Introspection is off here.' : `The server answered with status ${status}.`));
    types = new Map(schema.types.filter((type) => !type.name.startsWith('__')).map((type) => [type.name, type]));
    roots = { query: schema.queryType?.name, mutation: schema.mutationType?.name, subscription: schema.subscriptionType?.name };
    $('search').disabled = false;
    showPage();
  } catch (error) {
    $('search').disabled = true;
    page(
      el('p', {}, 'The schema could not be read. Queries and examples work all the same.'),
      el('p', {}, error.message),
      el('h3'),
      el('button', { type: 'button', class: 'button', textContent: 'Try again', on: { click: loadSchema } }),
    );
  }
}

function page(...nodes) {
  $('page').replaceChildren(...nodes.flat(Infinity).filter(Boolean));
  $('page').scrollTop = 0;
}

/** Descriptions: paragraphs, with `code` in back-ticks. */
function prose(text) {
  return (text ?? '')
    .split(/\n\s*\n/)
    .filter((part) => part.trim())
    .map((part) => el('p', {}, part.split(/`([^`]+)`/).map((piece, index) => (index % 2 ? el('code', {}, piece) : piece))));
}

function typeLink(ref) {
  const name = named(ref);
  const [before, after] = spell(ref).split(name);
  return [before, el('button', { type: 'button', class: 'link t', textContent: name, on: { click: () => goTo(name) } }), after];
}

function goTo(name, field) {
  if (!types.has(name)) return;
  $('search').value = '';
  $('found').textContent = '';
  if (trail.at(-1) !== name) trail.push(name);
  showPage();
  if (!field) return;
  const row = $('page').querySelector(`[data-field="${CSS.escape(field)}"]`);
  row?.scrollIntoView({ block: 'start' });
  row?.querySelector('button')?.focus({ preventScroll: true });
}

function showPage() {
  const type = types.get(trail.at(-1));
  if (!type) return showIndex();
  const back = () => {
    trail.pop();
    showPage();
  };
  const kinds = { OBJECT: 'type', INPUT_OBJECT: 'input', ENUM: 'enum', SCALAR: 'scalar', INTERFACE: 'interface', UNION: 'union' };
  const isRoot = Object.values(roots).includes(type.name);
  page(
    el('div', { class: 'crumbs' }, el('button', { type: 'button', class: 'button quiet', textContent: `← ${trail.at(-2) ?? 'All types'}`, on: { click: back } })),
    el('p', { class: 'title' }, type.name, el('small', {}, isRoot ? 'root type' : kinds[type.kind])),
    prose(type.description),
    type.interfaces?.length ? [el('h3', {}, 'Implements'), typeList(type.interfaces.map(({ name }) => name))] : null,
    type.possibleTypes?.length ? [el('h3', {}, 'One of'), typeList(type.possibleTypes.map(({ name }) => name))] : null,
    type.fields?.length ? [el('h3', {}, 'Fields'), el('ul', { class: 'fields' }, type.fields.map((field) => fieldRow(type, field)))] : null,
    type.inputFields?.length ? [el('h3', {}, 'Fields'), el('ul', { class: 'fields' }, type.inputFields.map((field) => fieldRow(type, field)))] : null,
    type.enumValues?.length ? [el('h3', {}, 'Values'), el('ul', { class: 'fields' }, type.enumValues.map((value) => fieldRow(type, value)))] : null,
  );
}

function fieldRow(type, field) {
  const insertion = el('button', {
    type: 'button',
    class: 'link f',
    title: 'Insert into the query',
    'aria-label': `Insert ${field.name}`,
    textContent: field.name,
    on: { click: () => insert(type, field) },
  });
  const args = (field.args ?? []).map((arg) =>
    el('span', { class: 'args' }, el('span', { class: 't-argument', title: arg.description ?? '' }, arg.name), ': ', typeLink(arg.type), arg.defaultValue != null && ` = ${arg.defaultValue}`),
  );
  return el(
    'li',
    { 'data-field': field.name, class: field.isDeprecated ? 'gone' : null },
    el('div', { class: 'sign' }, insertion, args.length ? ['(', args, ')'] : null, field.type && [': ', typeLink(field.type)], field.defaultValue != null && ` = ${field.defaultValue}`),
    prose(field.description),
    field.isDeprecated && el('p', {}, el('span', { class: 'tag' }, 'deprecated'), ' ', field.deprecationReason ?? ''),
  );
}

const typeList = (names) =>
  el('ul', { class: 'types' }, names.map((name) => el('li', {}, el('button', { type: 'button', class: 'link t', textContent: name, on: { click: () => goTo(name) } }))));

function showIndex() {
  const top = Object.values(roots).filter(Boolean);
  const of = (...kinds) => [...types.values()].filter((type) => kinds.includes(type.kind) && !top.includes(type.name)).map(({ name }) => name).sort();
  const groups = { 'Start here': top, Types: of('OBJECT', 'INTERFACE', 'UNION'), Enums: of('ENUM'), Inputs: of('INPUT_OBJECT'), Scalars: of('SCALAR') };
  const hint = el('p', {}, 'Choose a type to read it. Choose a field to put it into the query.');
  page(hint, Object.entries(groups).map(([title, names]) => (names.length ? [el('h3', {}, title), typeList(names)] : [])));
}

function showHits() {
  const words = $('search').value.trim().toLowerCase();
  if (!words) {
    $('found').textContent = '';
    return showPage();
  }
  const rank = (name, description) => {
    const lower = name.toLowerCase();
    if (lower === words) return 0;
    if (lower.startsWith(words)) return 1;
    if (lower.includes(words)) return 2;
    return description?.toLowerCase().includes(words) ? 4 : null;
  };
  const hits = [];
  for (const type of types.values()) {
    const place = rank(type.name, type.description);
    if (place !== null) hits.push({ place: place - 0.5, type, text: type.description });
    for (const field of [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])]) {
      const at = rank(field.name, field.description);
      const root = Object.values(roots).includes(type.name) ? -0.25 : 0;
      if (at !== null) hits.push({ place: at + root, type, field, text: field.description });
    }
  }
  hits.sort((a, b) => a.place - b.place);
  const shown = hits.slice(0, 80);
  $('found').textContent = `${hits.length} found`;
  page(
    el('h3', {}, hits.length > shown.length ? `First ${shown.length} of ${hits.length}` : `${hits.length || 'Nothing'} found`),
    el(
      'ul',
      { class: 'hits' },
      shown.map(({ type, field, text }) =>
        el(
          'li',
          {},
          el(
            'button',
            { type: 'button', on: { click: () => goTo(type.name, field?.name) } },
            field ? [el('span', { class: 'sign' }, `${type.name}.`), el('b', {}, field.name)] : el('b', { class: 't' }, type.name),
            text && el('small', {}, text.split('\n')[0].replaceAll('`', '')),
          ),
        ),
      ),
    ),
  );
}

// --- Inserting a field --------------------------------------------------------------------------------------------

/** The fields one would want of a type: its plain ones, and what a connection or a payload is there for. */
function selection(name, indent, depth = 0) {
  const type = types.get(name);
  if (!type?.fields) return '';
  const usable = type.fields.filter((field) => !field.isDeprecated && !field.args.some(required));
  const nodes = usable.find((field) => field.name === 'nodes');
  const leaves = usable.filter((field) => isLeaf(field.type)).slice(0, 8);
  const deeper = nodes ? [nodes] : leaves.length === 0 || /Payload$/.test(name) ? usable.filter((field) => !isLeaf(field.type)).slice(0, 3) : [];
  const inner = `${indent}  `;
  const lines = nodes ? [] : leaves.map((field) => inner + field.name);
  if (depth < 3) {
    for (const field of deeper) {
      const below = selection(named(field.type), inner, depth + 1);
      if (below) lines.push(inner + field.name + below);
    }
  }
  return lines.length ? ` {\n${lines.join('\n')}\n${indent}}` : ` {\n${inner}__typename\n${indent}}`;
}

/** A value to begin with, as JSON. */
function sample(ref, depth = 0) {
  if (ref.kind === 'NON_NULL') return sample(ref.ofType, depth);
  if (ref.kind === 'LIST') return [];
  const type = types.get(ref.name);
  if (type?.kind === 'ENUM') return type.enumValues[0]?.name ?? '';
  if (type?.kind === 'INPUT_OBJECT' && depth < 4) {
    const wanted = type.inputFields.filter(required);
    return Object.fromEntries((wanted.length ? wanted : type.inputFields.slice(0, 1)).map((field) => [field.name, sample(field.type, depth + 1)]));
  }
  return { Int: 0, Float: 0, Boolean: false }[ref.name] ?? '';
}

/** The same value as it is written in a document. */
function literal(ref) {
  const write = (value, kind) => {
    if (Array.isArray(value)) return '[]';
    if (value && typeof value === 'object') return `{ ${Object.entries(value).map(([key, inner]) => `${key}: ${write(inner)}`).join(', ')} }`;
    return kind === 'ENUM' ? String(value) : JSON.stringify(value);
  };
  return write(sample(ref), types.get(named(ref))?.kind);
}

function insert(type, field) {
  const tokens = scanGraphql(query.text);
  let place = query.area.selectionEnd;
  // Not into the middle of a word.
  const cut = tokens.find((token) => token.start < place && place < token.start + token.text.length && token.kind !== 'space');
  if (cut) place = cut.start + cut.text.length;
  const after = tokens.find((token) => token.start >= place);
  const inside = tokens.findLast((token) => token.start < place);
  // The brackets around the cursor: those of the next token, or what is left open at the end.
  const open = after ? after.open : inside ? reopened(inside) : '';
  const kind = Object.keys(roots).find((root) => roots[root] === type.name);
  if (!type.fields) insertText(place, type.inputFields ? `${field.name}: ${literal(field.type)}` : field.name, false);
  else if (kind && !(open === 's' && operationAt(query.text, place)?.kind === kind)) insertOperation(kind, field);
  else {
    const indent = '  '.repeat(open.length);
    const args = field.args.filter(required).map((arg) => `${arg.name}: ${literal(arg.type)}`);
    insertText(place, field.name + (args.length ? `(${args.join(', ')})` : '') + (isLeaf(field.type) ? '' : selection(named(field.type), indent)), open.endsWith('s'), indent);
  }
  if (matchMedia('(max-width: 1120px)').matches) showDocs(false);
  query.area.focus();
}

function reopened(token) {
  if ('})]'.includes(token.text)) return token.open.slice(0, -1);
  return CLOSES[token.text] ? `${token.open}s` : token.open;
}

function insertText(place, text, ownLine, indent = '') {
  const { text: all } = query;
  if (!ownLine) return query.replace(place, place, text);
  // On its own line: after the line of the cursor, unless that ends with the closing bracket.
  const lineStart = all.lastIndexOf('\n', place - 1) + 1;
  const lineEnd = all.indexOf('\n', place) < 0 ? all.length : all.indexOf('\n', place);
  const line = all.slice(lineStart, lineEnd);
  if (line.trim() === '') query.replace(lineStart, lineEnd, indent + text);
  else if (all.slice(place, lineEnd).trim() === '') query.replace(place, lineEnd, `\n${indent}${text}`);
  else if (all.slice(lineStart, place).trim() === '') query.replace(lineStart, lineStart, `${indent}${text}\n`, [indent.length + text.length, indent.length + text.length]);
  else query.replace(place, place, ` ${text} `);
}

/** A whole operation for a root field, after what is there, with its required arguments as variables. */
function insertOperation(kind, field) {
  let values;
  try {
    values = objectIn(variables, 'Variables');
  } catch {
    values = null;
  }
  const empty = query.text.trim() === '';
  if (empty) values = {};
  const names = field.args.filter(required).map((arg) => {
    let name = arg.name;
    for (let count = 2; values && name in values; count += 1) name = arg.name + count;
    if (values) values[name] = sample(arg.type);
    return { arg, name };
  });
  const declared = names.map(({ arg, name }) => `$${name}: ${spell(arg.type)}`).join(', ');
  const passed = names.map(({ arg, name }) => `${arg.name}: $${name}`).join(', ');
  const title = field.name[0].toUpperCase() + field.name.slice(1);
  const text = `${kind} ${title}${declared && `(${declared})`} {\n  ${field.name}${passed && `(${passed})`}${isLeaf(field.type) ? '' : selection(named(field.type), '  ')}\n}`;
  const kept = query.text.trimEnd();
  chosen = null;
  showSteps();
  query.replace(kept.length, query.text.length, (empty ? '' : '\n\n') + text);
  if (values && (names.length || empty)) variables.text = Object.keys(values).length ? JSON.stringify(values, null, 2) : '';
  query.area.closest('.editor').scrollTo(0, query.area.scrollHeight);
}

// --- The page around it -------------------------------------------------------------------------------------------

function showDocs(open) {
  $('desk').classList.toggle('docs-shut', !open);
  $('docs-toggle').setAttribute('aria-expanded', open);
}

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Not allowed';
  }
  setTimeout(() => (button.textContent = label), 1500);
}

/** The request as a shell command; the token is named, not shown. */
function curl() {
  const operation = operationAt(query.text, query.area.selectionStart);
  const body = { query: query.text };
  try {
    const values = objectIn(variables, 'Variables');
    if (Object.keys(values).length) body.variables = values;
  } catch (error) {
    return note('bad', 'Not copied', error.message);
  }
  if (operation && !operation.alone && operation.name) body.operationName = operation.name;
  const lines = [`curl -sS ${location.origin}${ENDPOINT}`, `-H 'content-type: application/json'`];
  if (session && !operation?.roots.some((root) => SIGN_IN.includes(root))) lines.push('-H "authorization: Bearer $TOKEN"');
  lines.push(`--data '${JSON.stringify(body).replaceAll("'", `'\\''`)}'`);
  copy(lines.join(' \\\n  '), $('curl'));
}

/** A divider that is dragged, or moved with the arrow keys. */
function grip(handle) {
  const { size, min, max, start } = handle.dataset;
  const across = handle.getAttribute('aria-orientation') === 'horizontal';
  const box = handle.parentElement;
  const set = (percent) => {
    const value = Math.min(Number(max), Math.max(Number(min), percent));
    document.documentElement.style.setProperty(size, `${value}%`);
    handle.setAttribute('aria-valuenow', Math.round(value));
    memory.write(`hale${size}`, value);
  };
  handle.setAttribute('aria-valuemin', min);
  handle.setAttribute('aria-valuemax', max);
  set(memory.read(`hale${size}`) ?? Number(start));
  handle.addEventListener('pointerdown', (event) => {
    handle.setPointerCapture(event.pointerId);
    handle.classList.add('held');
  });
  handle.addEventListener('pointermove', (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const rect = box.getBoundingClientRect();
    set(across ? ((rect.bottom - event.clientY) / rect.height) * 100 : ((event.clientX - rect.left) / rect.width) * 100);
  });
  for (const end of ['pointerup', 'pointercancel']) handle.addEventListener(end, () => handle.classList.remove('held'));
  handle.addEventListener('dblclick', () => set(Number(start)));
  handle.addEventListener('keydown', (event) => {
    const step = (across ? { ArrowUp: 3, ArrowDown: -3 } : { ArrowLeft: -3, ArrowRight: 3 })[event.key];
    if (!step) return;
    event.preventDefault();
    set(Number(handle.getAttribute('aria-valuenow')) + step);
  });
}

function start() {
  const apple = /Mac|iPhone|iPad/.test(navigator.platform);
  if (apple) $('run-keys').textContent = '⌘ ↵';
  for (const key of document.querySelectorAll('kbd.mod')) key.textContent = apple ? '⌘' : 'Ctrl';

  $('run').addEventListener('click', run);
  $('curl').addEventListener('click', curl);
  $('copy').addEventListener('click', () => copy($('result').textContent, $('copy')));
  for (const event of ['keyup', 'click', 'focus']) query.area.addEventListener(event, nameRun);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      if (!running) run();
    } else if (event.key === 'Escape' && $('more').open) {
      $('more').open = false;
      $('more').firstElementChild.focus();
    } else if (event.key === 'Escape' && $('docs').contains(event.target) && matchMedia('(max-width: 1120px)').matches) {
      showDocs(false);
      $('docs-toggle').focus();
    }
  });
  document.addEventListener('click', (event) => {
    if (!$('more').contains(event.target)) $('more').open = false;
  });

  for (const name of ['variables', 'headers']) {
    const tab = $(`tab-${name}`);
    tab.addEventListener('click', () => showTab(name));
    tab.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
      const other = name === 'variables' ? 'headers' : 'variables';
      showTab(other);
      $(`tab-${other}`).focus();
    });
  }

  document.querySelectorAll('.grip').forEach(grip);
  $('docs-toggle').addEventListener('click', () => showDocs($('docs-toggle').getAttribute('aria-expanded') !== 'true'));
  $('docs-close').addEventListener('click', () => {
    showDocs(false);
    $('docs-toggle').focus();
  });
  $('search').addEventListener('input', showHits);
  showDocs(!matchMedia('(max-width: 1120px)').matches);

  showSession();
  const draft = memory.read('hale.draft');
  if (draft?.query) {
    query.text = draft.query;
    variables.text = draft.variables === '{}' ? '' : draft.variables;
    showSteps();
  } else fill('signUp');
  learnViewer();
  loadSchema();
}

start();
