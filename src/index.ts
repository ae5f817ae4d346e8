export { type ErrorCode, SconceError } from './errors.js';
export { BaseHandler, type Preprocessed } from './handlers/api/base-handler.js';
export type {
  ExplainInput,
  HandlerModel,
  Inputs,
  ModelContext,
  RequestContext,
  SystemProperties,
} from './handlers/api/context.js';
export { HandlerInput, type Payload } from './handlers/api/handler-input.js';
export type { HeaderMap } from './handlers/api/header-map.js';
export {
  initialized,
  LocalContext,
  type LocalModel,
  localRequest,
} from './handlers/api/local-context.js';
export type { NestedNumbers } from './handlers/api/nested-numbers.js';
export { Outputs } from './handlers/api/outputs.js';
export { PredictionError } from './handlers/api/prediction-error.js';
export type { Chunk, Reply } from './handlers/api/reply.js';
export { Tensor, type TensorValues } from './handlers/api/tensor.js';
export type { NumberArray, TensorData } from './handlers/api/tensor-data.js';
export type { TensorField } from './handlers/tensor/tensor-plan.js';
export { TextClassifier } from './handlers/text/text-classifier.js';
export { TextEmbedding } from './handlers/text/text-embedding.js';
export type { EncodedText, TextEncoder } from './handlers/text/text-encoder.js';
export { TextHandler } from './handlers/text/text-handler.js';
export { ImageClassifier } from './handlers/vision/image-classifier.js';
export { ImageSegmenter } from './handlers/vision/image-segmenter.js';
export { ObjectDetector } from './handlers/vision/object-detector.js';
export { RasterImage } from './handlers/vision/raster-image.js';
export { VisionHandler } from './handlers/vision/vision-handler.js';
export type { CustomMetric, CustomMetrics } from './metrics/custom-metrics.js';
export type { Dtype } from './native/dtype.js';
export type { TensorSpec } from './tensors/tensor-spec.js';
