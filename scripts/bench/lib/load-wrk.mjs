import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../lib/process.mjs';
import { collect } from './collect.mjs';

/** Slower answers count as timeouts. */
const timeout = 10;

/**
 * @param {import('./children.mjs').Children} children
 * @param {string} folder for the scripts and bodies that wrk reads
 * @param {string} program
 * @returns {Promise<import('./load.mjs').LoadGenerator>}
 */
export async function wrkLoad(children, folder, program) {
  let scripts = 0;
  return {
    name: `wrk ${await versionOf(program)}, 1 thread`,
    note: 'wrk corrects its percentiles for coordinated omission: a pause counts once for every request that a steady client would have sent during it.',
    run: async ({ url, body, others = [], headers, connections, seconds }) => {
      scripts += 1;
      const script = join(folder, `${scripts}.lua`);
      const bodyFiles = [body, ...others].map((_, i) => join(folder, `${scripts}-${i}.body`));
      await Promise.all([body, ...others].map((each, i) => writeFile(bodyFiles[i], each)));
      await writeFile(script, luaScript(bodyFiles, headers));
      const output = await collect(children, program, [
        ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', `${timeout}s`],
        ...['-s', script, url],
      ]);
      return figuresOf(output);
    },
  };
}

/** wrk calls `done` once at the end; all that it knows is printed there, as one line of JSON. */
function luaScript(bodyFiles, headers) {
  const headerLines = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  return `
wrk.method = "POST"
${headerLines.join('\n')}
local function read(name)
  local file = io.open(name, "rb")
  local content = file:read("*a")
  file:close()
  return content
end
wrk.body = read(${JSON.stringify(bodyFiles[0])})
${bodyFiles.length > 1 ? inTurn(bodyFiles) : ''}
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"microseconds":%d,"errors":%d,"non2xx":%d,"mean":%.3f,"p50":%d,"p90":%d,"p99":%d,"p999":%d}\\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.timeout, e.status,
    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9)))
end
`;
}

/** Requests that differ cost wrk a call of Lua each: one that stays the same does not. */
function inTurn(bodyFiles) {
  return `
local requests, sent = {}, 0
function init()
  for i, name in ipairs({${bodyFiles.map((file) => JSON.stringify(file)).join(', ')}}) do
    requests[i] = wrk.format(nil, nil, nil, read(name))
  end
end
function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end`;
}

function figuresOf(output) {
  const line = output.split('\n').find((text) => text.startsWith('{"requests"'));
  const { requests, microseconds, errors, non2xx, ...latencies } = JSON.parse(line);
  const seconds = microseconds / 1e6;
  const milliseconds = Object.entries(latencies).map(([name, value]) => [name, value / 1000]);
  return {
    ...{ requests, seconds, throughput: requests / seconds, errors, non2xx },
    ...Object.fromEntries(milliseconds),
  };
}

async function versionOf(program) {
  const { stdout, stderr } = await run(program, ['-v']); // exits with 1
  return /^wrk (\S+)/m.exec(stdout + stderr)?.[1] ?? '(unknown version)';
}
