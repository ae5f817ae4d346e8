import { type CompatCase, on, type Scenario, typed } from '../compat-case.js';

const json = 'application/json';

function rows(name: string, body: string): CompatCase {
  return on('inference', name, 'POST', '/predictions/double', typed(json, body));
}

/** Replies with tensors, from models that both servers run. */
export const numbers: Scenario = {
  name: 'numbers',
  register: [
    'url=double.mar&initial_workers=1',
    'url=linear.mar&initial_workers=1',
    'url=throws.mar&initial_workers=1',
  ],
  cases: [
    on('inference', 'a row', 'POST', '/predictions/linear', typed(json, '[1, 2, 3]')),
    on('inference', 'a row, no content type', 'POST', '/predictions/linear', { body: '[1, 2, 3]' }),
    on('inference', 'a row as a form field', 'POST', '/predictions/linear', {
      headers: [['Content-Type', 'multipart/form-data; boundary=X']],
      body: '--X\r\nContent-Disposition: form-data; name="data"\r\n\r\n[1, 2, 3]\r\n--X--\r\n',
    }),
    rows('whole numbers', '[0, 1, -1, 1000000]'),
    rows('fractions', '[0.1, -0.25, 0.333333333]'),
    rows('small', '[1e-3, 1e-5, 1e-20, -1e-7]'),
    rows('minus a half', '[-0.5]'),
    rows('large', '[1e7, 1e15, 1e16, 1e17, 3e37]'),
    rows('infinite', '[3e38, -3e38]'),
    rows('two dimensions', '[[1, 2], [3, 4]]'),
    rows('three dimensions', '[[[1], [2]]]'),
    rows('one number', '5'),
    rows('an empty row', '[]'),
    rows('text for a number', '["a"]'),
    rows('lists of different lengths', '[[1], [2, 3]]'),
    rows('no JSON', '[1, '),
    on('inference', 'no body', 'POST', '/predictions/double'),
    on('inference', 'the model throws', 'POST', '/predictions/throws', typed(json, '[-1]')),
    on('inference', 'a wrong shape', 'POST', '/predictions/linear', typed(json, '[1]')),
  ],
};
