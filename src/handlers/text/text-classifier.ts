import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SconceError } from '../../errors.js';
import type { ModelContext, RequestContext } from '../api/context.js';
import type { HandlerInput } from '../api/handler-input.js';
import type { Outputs } from '../api/outputs.js';
import type { Chunk, Reply } from '../api/reply.js';
import { Tensor } from '../api/tensor.js';
import { probabilitiesOf } from '../class-scores.js';
import { explainedTarget } from '../explained-target.js';
import { classIds, type Labels, labelsFrom, readLabels } from '../labels.js';
import type { TextOptions } from './options.js';
import type { EncodedText, TextEncoder } from './text-encoder.js';
import { mainOutput, TextHandler } from './text-handler.js';
import { TextTokenizer } from './text-tokenizer.js';
import { readTexts, replyInForm } from './texts.js';
import { Vocabulary, vocabularyFile } from './vocabulary.js';
import { wordImportances } from './word-importances.js';

/** Points between the baseline and the text: Captum's, which TorchServe leaves as they are. */
const steps = 50;

const exportVocabulary = `its source_vocab.pt is a Python object, which is not read here. Write it as ${vocabularyFile}, and archive that in its place (scripts/export_vocab.py does this):
  import json, torch
  vocabulary = torch.load("source_vocab.pt", weights_only=False)
  json.dump(vocabulary.get_stoi(), open("${vocabularyFile}", "w"))`;

/**
 * The built-in handler `text_classifier`: the probability of every class for a text. With a
 * tokenizer.json the model is `forward(input_ids[, attention_mask][, token_type_ids])`; with a
 * vocab.json it is TorchServe's, `forward(text, offsets)`, and texts are cleaned as there.
 */
export class TextClassifier extends TextHandler {
  #labels: Labels = classIds;
  /** TorchServe's kind of model and of explanations. */
  #hasVocabulary = false;

  override async initialize(context: ModelContext): Promise<void> {
    await super.initialize(context);
    const { labels } = this.options;
    this.#labels =
      labels === undefined
        ? (readLabels(context.systemProperties.model_dir) ?? classIds)
        : labelsFrom(labels, 'handler.labels');
  }

  protected override async loadEncoder(
    { systemProperties }: ModelContext,
    maxLength: number | undefined,
    { padId, ngrams, unknownIndex }: TextOptions,
  ): Promise<TextEncoder> {
    const folder = systemProperties.model_dir;
    const has = (file: string): boolean => existsSync(join(folder, file));
    if (has('tokenizer.json')) return TextTokenizer.load(folder, { maxLength, padId });
    this.#hasVocabulary = has(vocabularyFile);
    if (this.#hasVocabulary) return Vocabulary.load(folder, ngrams, unknownIndex);
    throw new SconceError(
      'INVALID_CONFIGURATION',
      has('source_vocab.pt')
        ? exportVocabulary
        : `a text classifier needs a tokenizer.json or a ${vocabularyFile} beside its model; the archive has neither`,
    );
  }

  protected override reduce(outputs: Outputs): Tensor {
    const scores = mainOutput(outputs, 'logits');
    if (scores.shape.length === 2) return scores;
    throw new SconceError(
      'INVALID_OUTPUT',
      `the model returns ${scores.describe()}; [texts, classes] is expected`,
    );
  }

  override postprocess(
    outputs: Outputs,
    request: HandlerInput,
    _context: RequestContext,
  ): Reply | Promise<Reply> | AsyncGenerator<Chunk> {
    const scores = outputs.tensor.to('float32');
    const answers = Array.from({ length: outputs.rows }, (_, row) =>
      this.probabilities(probabilitiesOf(scores.at(row).data)),
    );
    return replyInForm(request, answers);
  }

  /** The answer for one text: each label with its probability, in the order of the classes. */
  protected probabilities(probabilities: Float32Array): ReadonlyMap<string, Tensor> {
    const answer = new Map<string, Tensor>();
    for (const id of probabilities.keys()) {
      const probability = probabilities.subarray(id, id + 1);
      answer.set(this.#labels.labelOf(id), new Tensor('float32', [], probability));
    }
    return answer;
  }

  /** How much each word adds to the score of the class that the field `target` names, or 0. */
  override async explain(request: HandlerInput, context: RequestContext): Promise<Reply> {
    const { texts } = readTexts(request, this.options);
    const target = explainedTarget(request.parameter('target')?.bytes);
    const answers: object[] = [];
    for (const text of texts) {
      context.signal.throwIfAborted();
      answers.push(await this.#explainText(this.encode(text), target, context));
    }
    return replyInForm(request, answers);
  }

  async #explainText(
    text: EncodedText,
    target: number,
    { model }: RequestContext,
  ): Promise<object> {
    const inputs = this.rowsOf([text]);
    const attributions = await model.explain({ inputs, target, steps });
    return wordImportances(attributions, text.tokens, this.#hasVocabulary);
  }
}
