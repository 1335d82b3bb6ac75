/** GraphQL over HTTP, as the specification's own audits see it. */
import { serverAudits } from 'graphql-http';
import { startServer, type Harness } from './testing/harness.js';

let server: Harness;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

for (const audit of serverAudits({ url: () => `${server.url}/graphql` })) {
  test(`GraphQL over HTTP: ${audit.name}`, async () => {
    const result = await audit.fn();
    // `warn` and `notice` are of SHOULD and MAY: reported, and no error.
    expect([result.status === 'error' ? result.reason : 'no error']).toEqual(['no error']);
  });
}
