/** Milliseconds that a timer of Node.js can wait at most; one that is to wait longer fires at once. */
export const longestTimer = 2 ** 31 - 1;
