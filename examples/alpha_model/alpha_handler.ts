import {
  BaseHandler,
  type HandlerInput,
  type Outputs,
  type Reply,
  type RequestContext,
} from 'sconce';

/** What a client sends: `{"features": [64 numbers]}`. */
interface AlphaRequest {
  features: number[];
}

/** Turns 64 alpha factors into one prediction, as the handler `tensor` does without any code. */
export class AlphaModelHandler extends BaseHandler {
  override preprocess(request: HandlerInput, context: RequestContext): void {
    const { features } = request.json<AlphaRequest>();
    context.row('features').set(features);
  }

  override postprocess(outputs: Outputs): Reply {
    return { prediction: outputs.tensor.at(0) };
  }
}
