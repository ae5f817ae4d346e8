/**
 * The lines of a text in Prometheus format whose samples have one of the names, with the HELP and
 * TYPE of their families. A histogram's samples are named `x_bucket`, `x_count` and `x_sum`.
 */
export function onlySamples(text: string, names: ReadonlySet<string>): string {
  const kept: string[] = [];
  let head: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      if (line.startsWith('# HELP ')) head = [];
      head.push(`${line}\n`);
    } else if (names.has(/^[^{ ]*/.exec(line)?.[0] ?? '')) {
      kept.push(...head, `${line}\n`);
      head = [];
    }
  }
  return kept.join('');
}
