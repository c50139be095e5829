/*
 * The greeting service in JavaScript, over headway:http: a request is a plain record and so is the answer. Same routes
 * and same headers as greeting/c; it may be mounted at a prefix, because it looks at the end of the path only.
 */
const VERSION = 'js';

/* QuickJS has no TextEncoder; all that is said here is ASCII. */
function bytesOf(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function headerValue(request, name) {
  const found = request.headers.find(([key]) => key === name);
  return found && found[1];
}

function answer(request, status, body) {
  const headers = [
    ['content-type', bytesOf('text/plain; charset=utf-8')],
    ['x-greeting-version', bytesOf(VERSION)],
  ];
  const id = headerValue(request, 'x-request-id');
  if (id) headers.push(['x-request-id', id]);
  return { status, headers, body: typeof body === 'string' ? bytesOf(body) : body };
}

function parameter(query, name) {
  const found = query.split('&').find((part) => part.startsWith(`${name}=`));
  return found && found.slice(name.length + 1);
}

export const handler = {
  handle(request) {
    const [path, query = ''] = request.pathWithQuery.split('?', 2);
    const isGet = request.method === 'GET' || request.method === 'HEAD';
    if (path.endsWith('/healthz'))
      return isGet ? answer(request, 200, 'ok\n') : answer(request, 405, 'method not allowed\n');
    if (path.endsWith('/echo')) {
      return request.method === 'POST'
        ? answer(request, 200, request.body)
        : answer(request, 405, 'method not allowed\n');
    }
    if (!isGet) return answer(request, 405, 'method not allowed\n');
    return answer(request, 200, `Hello, ${parameter(query, 'name') ?? 'world'}! (greeting ${VERSION})\n`);
  },
};
