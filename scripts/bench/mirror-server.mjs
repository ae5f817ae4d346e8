/** A bare Fastify server that answers every POST to `/` with the bytes that it has read. */
import Fastify from 'fastify';

const bodyLimit = 16 * 2 ** 20;
const app = Fastify({ bodyLimit });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/', ({ body, headers }, response) => response.type(headers['content-type']).send(body));
await app.listen({ host: '127.0.0.1', port: 0, backlog: 1024 });
console.log(`http://127.0.0.1:${app.server.address().port}`);
