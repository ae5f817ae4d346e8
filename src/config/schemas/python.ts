import { forgivingToggle, text } from './forms.js';

/** How Python handlers run. */
export const pythonSettings = {
  python: text(
    'python3',
    'Interpreter that runs Python handlers; it needs the packages `torchserve` and `torch`. Asked only when a model needs it.',
  ),
  installPyDepPerModel: forgivingToggle(
    false,
    "Install what the `requirementsFile` of a model's archive lists, with pip, into the model's folder.",
  ),
};
