import type { Outputs } from '../api/outputs.js';
import type { Reply } from '../api/reply.js';
import { Tensor } from '../api/tensor.js';
import { probabilitiesOf, strongest } from '../class-scores.js';
import { outputOf, replyOf } from './output-rows.js';
import { VisionHandler } from './vision-handler.js';

/**
 * TorchServe's image_classifier: answers with the likeliest classes and their probabilities,
 * `{"tabby": 0.41, …}`, the likeliest first. Where classes share a label the least likely counts.
 */
export class ImageClassifier extends VisionHandler {
  /** @param outputs a score for each class, [rows, classes] */
  override postprocess(outputs: Outputs): Reply {
    const scores = outputOf(outputs, 2, undefined);
    return replyOf(outputs.rows, (row) => this.topK(scores.at(row)));
  }

  /** The answer for one row: its probable classes by label, as many as `handler.topk` says. */
  topK(scores: Tensor<'float32'>): ReadonlyMap<string, Tensor> {
    const probabilities = probabilitiesOf(scores.data);
    const classes = strongest(probabilities, this.options.topk);
    return new Map(
      Array.from(classes, (id) => [
        this.labels.labelOf(id),
        new Tensor('float32', [], probabilities.subarray(id, id + 1)),
      ]),
    );
  }
}
