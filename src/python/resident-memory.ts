import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Bytes that a process keeps in memory; undefined when it is gone. */
export async function residentMemory(pid: number): Promise<number | undefined> {
  const kibibytes = process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid);
  return kibibytes === undefined ? undefined : kibibytes * 1024;
}

async function fromProc(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return found === undefined ? undefined : Number(found);
}

function fromPs(pid: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'rss=', '-p', String(pid)], (_, stdout) => {
      const found = stdout.trim();
      resolve(found === '' ? undefined : Number(found));
    });
  });
}
