/**
 * The ceiling of one event loop: Fastify reads a body as bytes and answers with fixed bytes, no
 * model anywhere. Argument: the reply in base64.
 */
import Fastify from 'fastify';

const reply = Buffer.from(process.argv[2], 'base64');
const app = Fastify();
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/', (_request, response) => response.type('application/json').send(reply));
await app.listen({ host: '127.0.0.1', port: 0, backlog: 1024 });
console.log(`http://127.0.0.1:${app.server.address().port}`);
