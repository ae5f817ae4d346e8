import { SconceError } from '../../errors.js';
import type { Outputs } from '../api/outputs.js';
import type { Reply } from '../api/reply.js';
import type { Tensor } from '../api/tensor.js';
import { named, replyOf } from './output-rows.js';
import type { RasterImage } from './raster-image.js';
import { VisionHandler } from './vision-handler.js';

/** One row of what a detection model returns: as many objects as the lists are long, or `count`. */
interface Detections {
  /** [objects, 4] */
  boxes: Tensor;
  /** [objects] */
  labels: Tensor;
  scores: Tensor;
  count: number;
}

/**
 * TorchServe's object_detector: answers with the objects whose score reaches `handler.threshold`,
 * `[{"cat": [x1, y1, x2, y2], "score": 0.98}, …]`, in the order of the model. Images keep their size.
 */
export class ObjectDetector extends VisionHandler {
  /** Each image has its own. */
  static override rowShape(): undefined {
    return undefined;
  }

  override transform(image: RasterImage, row: Tensor): void {
    image.writeTo(row);
  }

  protected override rowFor(image: RasterImage): readonly number[] {
    return [image.channels, image.height, image.width];
  }

  /**
   * @param outputs fields boxes [rows, objects, 4], labels and scores [rows, objects], and count
   *   [rows] where rows have different numbers of objects
   */
  override postprocess(outputs: Outputs): Reply {
    return replyOf(outputs.rows, (row) => this.objects(detections(outputs, row)));
  }

  /** The answer for one row. */
  objects({ boxes, labels, scores, count }: Detections): ReadonlyMap<string, Tensor>[] {
    // The scores are float32, and so is what PyTorch compares them with.
    const threshold = Math.fround(this.options.threshold);
    const found: Map<string, Tensor>[] = [];
    for (let i = 0; i < count; i += 1) {
      if (!(scores.value(i) >= threshold)) continue;
      const object = new Map([[this.labels.labelOf(labels.value(i)), boxes.at(i)]]);
      found.push(object.set('score', scores.at(i)));
    }
    return found;
  }
}

function detections(outputs: Outputs, row: number): Detections {
  const boxes = named(outputs, 'boxes');
  const labels = named(outputs, 'labels');
  const scores = named(outputs, 'scores');
  const objects = scores.shape[1] ?? 0;
  const fits =
    scores.shape.length === 2 &&
    labels.shape.join() === scores.shape.join() &&
    boxes.shape.join() === [...scores.shape, 4].join();
  const hasCount =
    typeof outputs.structure === 'object' &&
    'fields' in outputs.structure &&
    outputs.structure.fields.some(([name]) => name === 'count');
  const count = hasCount ? named(outputs, 'count').value(row) : objects;
  if (fits && count <= objects) {
    return { boxes: boxes.at(row), labels: labels.at(row), scores: scores.at(row), count };
  }
  const came = [boxes, labels, scores].map((tensor) => tensor.describe()).join(', ');
  throw new SconceError(
    'INVALID_OUTPUT',
    `boxes, labels and scores are ${came}; [rows, objects, 4], [rows, objects] and [rows, objects] are expected`,
  );
}
