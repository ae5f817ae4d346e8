import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LastWords } from '../../src/python/last-words.js';

function wordsOf(printed: string): LastWords {
  const words = new LastWords();
  for (const line of printed.split('\n')) words.take(line);
  return words;
}

test('the exception that a traceback ends with is what was said', () => {
  const words = wordsOf(`Loading
Traceback (most recent call last):
  File "handler.py", line 1, in <module>
    import foo
    ^^^^^^^^^^
ModuleNotFoundError: No module named 'foo'
Good bye`);
  assert.equal(words.text, "ModuleNotFoundError: No module named 'foo'");
});

test('a mistake of syntax is said with its place', () => {
  const words = wordsOf(`Traceback (most recent call last):
  File "/usr/lib/python3.11/importlib/__init__.py", line 126, in import_module
    return _bootstrap._gcd_import(name[level:], package, level)
  File "/tmp/model/handler.py", line 3
    def handle(data, context)
                             ^
SyntaxError: expected ':'`);
  assert.equal(words.text, "SyntaxError: expected ':' (handler.py, line 3)");
});

test('a handler that cannot be imported is not looked for elsewhere in what is said', () => {
  const words = wordsOf(`Traceback (most recent call last):
  File "model_loader.py", line 102
ModuleNotFoundError: No module named 'foo'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "model_loader.py", line 104
ModuleNotFoundError: No module named 'ts.torch_handler.handler'`);
  assert.equal(words.text, "ModuleNotFoundError: No module named 'foo'");
});

test('the answer to LOAD is not the reason', () => {
  const words = wordsOf(`Traceback (most recent call last):
RuntimeError: PytorchStreamReader failed
Traceback (most recent call last):
RuntimeError: 500 - Unknown exception`);
  assert.equal(words.text, 'RuntimeError: PytorchStreamReader failed');
});

test('an exception that caused another is the last one', () => {
  const words = wordsOf(`Traceback (most recent call last):
KeyError: 1

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
ValueError: no label`);
  assert.equal(words.text, 'ValueError: no label');
});

test('the tracebacks of TorchScript end with the reason too', () => {
  const words = wordsOf(`Traceback (most recent call last):
  File "handler.py", line 1
RuntimeError: The following operation failed in the TorchScript interpreter.
Traceback of TorchScript, serialized code (most recent call last):
  File "code/__torch__.py", line 7, in forward
RuntimeError: mat1 and mat2 shapes cannot be multiplied`);
  assert.equal(words.text, 'RuntimeError: mat1 and mat2 shapes cannot be multiplied');
});

test('the keys that a state dict lacks are part of it', () => {
  const words = wordsOf(`Traceback (most recent call last):
RuntimeError: Error(s) in loading state_dict for Net:
\tMissing key(s) in state_dict: "fc.weight".
\tUnexpected key(s) in state_dict: "fd.weight".
done`);
  assert.equal(
    words.text,
    'RuntimeError: Error(s) in loading state_dict for Net: ' +
      'Missing key(s) in state_dict: "fc.weight". Unexpected key(s) in state_dict: "fd.weight".',
  );
});

test('without an exception it is the last lines, shortened', () => {
  const printed = Array.from({ length: 50 }, (_, i) => `line ${i} ${'x'.repeat(5000)}`);
  const { text = '' } = wordsOf(printed.join('\n'));
  assert.match(text, /line 49 x+$/);
  assert.ok(text.length < 3000, String(text.length));
  assert.equal(wordsOf(' \n').text, undefined);
});

test('what was forgotten is not said', () => {
  const words = wordsOf('Traceback (most recent call last):\nValueError: old');
  words.forget();
  assert.equal(words.exception, undefined);
});
