/** What bounds the fetching of a file, and who hears of it. */
export interface FetchOptions {
  /** Most bytes of a file that is fetched into the store. */
  maxBytes: number;
  signal?: AbortSignal;
  /** Told of bytes fetched so far, and of how many there are where that is known. */
  onProgress?: (bytes: number, total: number | undefined) => void;
}

/** What is fetched, and where to. */
export interface Incoming {
  /** As it was asked for, for messages. */
  url: string;
  /** The path in the store. */
  target: string;
}
