import { SconceError } from '../../errors.js';
import { addon } from '../../native/binding.js';
import type { Outputs } from '../api/outputs.js';
import type { Reply } from '../api/reply.js';
import { Tensor } from '../api/tensor.js';
import { outputOf, replyOf } from './output-rows.js';
import { VisionHandler } from './vision-handler.js';

/**
 * TorchServe's image_segmenter: answers with the likeliest class of each pixel and its probability,
 * lists of [height][width][2].
 */
export class ImageSegmenter extends VisionHandler {
  /**
   * @param outputs scores [rows, classes, height, width]: the field `out` of a dictionary, as
   *   torchvision's segmentation models return, or all there is
   */
  override postprocess(outputs: Outputs): Reply {
    const isAlone = typeof outputs.structure === 'number';
    const scores = outputOf(outputs, 4, isAlone ? undefined : 'out');
    return replyOf(outputs.rows, (row) => this.classes(scores.at(row)));
  }

  /** The answer for one row: [height, width, 2] from scores [classes, height, width]. */
  classes(scores: Tensor<'float32'>): Tensor<'float32'> {
    const [classes = 0, height = 0, width = 0] = scores.shape;
    if (classes === 0) throw new SconceError('INVALID_OUTPUT', 'the model returns no class');
    const target = new Float32Array(height * width * 2);
    addon().strongestClasses(scores.data, classes, target);
    return new Tensor('float32', [height, width, 2], target);
  }
}
