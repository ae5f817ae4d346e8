/** A handler class of ours that runs on threads: its module beside this file, and its name there. */
export interface BuiltInClass {
  module: string;
  className: string;
}

/** Handlers that a manifest may name without bringing code, beside those of the main loop. */
export const builtInClasses: ReadonlyMap<string, BuiltInClass> = new Map([
  ['image_classifier', { module: './vision/image-classifier.js', className: 'ImageClassifier' }],
  ['image_segmenter', { module: './vision/image-segmenter.js', className: 'ImageSegmenter' }],
  ['object_detector', { module: './vision/object-detector.js', className: 'ObjectDetector' }],
  ['text_classifier', { module: './text/text-classifier.js', className: 'TextClassifier' }],
  ['text_embedding', { module: './text/text-embedding.js', className: 'TextEmbedding' }],
]);
