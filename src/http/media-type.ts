/** The type of a content-type header, in lower case and without its parameters. */
export function mediaTypeOf(contentType: string): string {
  return contentType.split(';', 1).join().trim().toLowerCase();
}

const parameterPattern = /;[ \t]*([^\s;="]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))/g;

/** The parameters of a header such as `form-data; name="x"`, by lower-case name; the first counts. */
export function headerParameters(header: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [, name = '', quoted, plain = ''] of header.matchAll(parameterPattern)) {
    const value = quoted === undefined ? plain : quoted.replace(/\\(["\\])/g, '$1');
    const key = name.toLowerCase();
    if (!parameters.has(key)) parameters.set(key, value);
  }
  return parameters;
}
