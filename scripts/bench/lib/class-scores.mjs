/**
 * Probabilities that image_classifier has answered with, the largest first, and then what the scores
 * of the model give the same classes; beside it what both have to be: the largest probabilities.
 *
 * @param {Buffer[]} replies `{"class": probability, …}`, one per image
 * @param {number[][]} scores of all classes, one list per image
 * @returns {{ given: number[][], expected: number[][] }}
 */
export function compareClasses(replies, scores) {
  const pairs = replies.map((reply, i) => {
    const answer = Object.entries(JSON.parse(reply));
    const probabilities = softmax(scores[i]);
    const answered = descending(answer.map(([, probability]) => probability));
    const ofClasses = descending(answer.map(([id]) => probabilities[Number(id)]));
    const largest = descending(probabilities).slice(0, answer.length);
    return { given: [...answered, ...ofClasses], expected: [...largest, ...largest] };
  });
  return {
    given: pairs.map(({ given }) => given),
    expected: pairs.map(({ expected }) => expected),
  };
}

const descending = (values) => [...values].sort((a, b) => b - a);

function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
