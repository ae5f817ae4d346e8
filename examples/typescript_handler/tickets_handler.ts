import {
  BaseHandler,
  type HandlerInput,
  type ModelContext,
  type Outputs,
  PredictionError,
  type Reply,
  type RequestContext,
  Tensor,
} from 'sconce';
import { featureCount, featuresOf, tokensOf } from './hashed-words.js';

/** Tokens that are left out in turn to find reasons: as many as rows fit into a batch. */
const mostTokens = 32;
const mostReasons = 3;

/**
 * The topic of a ticket, and the words that speak for it. The words are hashed into the row that the
 * model reads. Then the model is asked once more, about the ticket without each of its words.
 */
export class TicketsHandler extends BaseHandler {
  #topics: readonly string[] = [];

  override initialize({ modelConfig: { handler } }: ModelContext): void {
    const topics = typeof handler === 'object' && handler && 'topics' in handler && handler.topics;
    if (!Array.isArray(topics)) throw new Error('handler.topics must be a list of names');
    this.#topics = topics;
  }

  override preprocess(request: HandlerInput, context: RequestContext): void {
    context.row('features').set(featuresOf(tokensOf(ticketOf(request))));
  }

  override async postprocess(
    outputs: Outputs,
    request: HandlerInput,
    context: RequestContext,
  ): Promise<Reply> {
    const probabilities = softmax(outputs.tensor.at(0).numbers());
    const best = probabilities.indexOf(Math.max(...probabilities));
    const probability = probabilities[best] ?? 0;
    const tokens = tokensOf(ticketOf(request));
    const without = await probabilitiesWithout(tokens, best, context);
    const because = [...without]
      .filter(([, less]) => less < probability)
      .sort(([, a], [, b]) => a - b)
      .slice(0, mostReasons)
      .map(([token]) => token);
    return { topic: this.#topics[best] ?? String(best), probability, because };
  }
}

/** The fields of a request, which may be any JSON. */
function ticketOf(request: HandlerInput): { subject: string; text: string } {
  const sent = request.json<{ subject?: unknown; text?: unknown } | null>();
  return { subject: textOf('subject', sent?.subject), text: textOf('text', sent?.text) };
}

function textOf(field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new PredictionError(`${field} must be a text`, 422);
}

/** How probable a topic is when a token is left out, for each of the first tokens. */
async function probabilitiesWithout(
  tokens: readonly string[],
  topic: number,
  context: RequestContext,
): Promise<Map<string, number>> {
  const kept = tokens.slice(0, mostTokens);
  if (kept.length === 0) return new Map();
  const features = Tensor.zeros('float32', [kept.length, featureCount]);
  for (const [i, token] of kept.entries()) {
    features.at(i).set(featuresOf(tokens.filter((other) => other !== token)));
  }
  const { tensor } = await context.model.run({ features });
  return new Map(kept.map((token, i) => [token, softmax(tensor.at(i).numbers())[topic] ?? 0]));
}

function softmax(scores: Iterable<number>): number[] {
  const given = [...scores];
  const greatest = Math.max(...given);
  const powers = given.map((score) => Math.exp(score - greatest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
