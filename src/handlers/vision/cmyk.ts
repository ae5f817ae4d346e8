/**
 * Red, green and blue from printing colours, as Pillow's convert('RGB') does it: without a colour
 * profile, each is what cyan, magenta or yellow and black leave of the paper's white.
 *
 * @param inks cyan, magenta, yellow and black of each pixel, 0 for none
 */
export function rgbFromCmyk(inks: Uint8Array): Uint8Array {
  const pixels = new Uint8Array((inks.length / 4) * 3);
  for (let from = 0, to = 0; to < pixels.length; from += 4, to += 3) {
    const light = 255 - (inks[from + 3] ?? 0);
    for (let channel = 0; channel < 3; channel += 1) {
      pixels[to + channel] = light - dividedBy255((inks[from + channel] ?? 0) * light);
    }
  }
  return pixels;
}

/** Rounded, for products of two bytes. */
function dividedBy255(product: number): number {
  const sum = product + 128;
  return ((sum >> 8) + sum) >> 8;
}
