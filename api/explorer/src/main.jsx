import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './main.css';
import { sessionFetch } from './session.js';

const FIRST_QUERY = `# Hale's API. Signing up or in keeps the session in this tab: later queries
# send it by themselves, unless the headers below name another authorization.

mutation SignUp {
  signUp(
    input: {
      email: "ada@example.com"
      password: "plum kettle harbour nine"
      fullName: "Ada Lovelace"
    }
  ) {
    session {
      accessToken
      accessTokenExpiresAt
      refreshToken
    }
    viewer {
      id
      fullName
    }
  }
}

query Foods {
  foods(search: "banana", first: 5) {
    nodes {
      id
      name
      nutrition {
        calories
      }
    }
  }
}
`;

const fetcher = createGraphiQLFetcher({ url: '/graphql', fetch: sessionFetch });

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL fetcher={fetcher} defaultQuery={FIRST_QUERY} isHeadersEditorEnabled />,
);
