import { ImageClassifier, type RasterImage, type Tensor } from 'sconce';

/** Pixels of an image are 0 to 1 when they are divided by this: the model takes ink of 0 to 16. */
const unit = 1 / 16;

/** Digits in image files of any size, white on black: as 8 × 8 grey pixels to the model. */
export class DigitImages extends ImageClassifier {
  override transform(image: RasterImage, row: Tensor): void {
    image.grey().resize(8, 8).writeTo(row, [0], [unit]);
  }
}
