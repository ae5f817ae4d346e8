import { type Entry, openPromise, type ZipFile } from 'yauzl';

/**
 * Whether a file looks like what `torch.jit.save` writes: a zip with code or constants. A state
 * dictionary, which `torch.save` writes, has neither. False when it cannot be read.
 */
export async function looksLikeTorchScript(path: string): Promise<boolean> {
  let archive: ZipFile;
  try {
    archive = await openPromise(path, { lazyEntries: true, autoClose: false });
  } catch {
    return false;
  }
  try {
    return await holdsCode(archive);
  } finally {
    archive.close();
  }
}

function holdsCode(archive: ZipFile): Promise<boolean> {
  return new Promise((resolve) => {
    archive.on('entry', ({ fileName }: Entry) => {
      if (/^[^/]+\/(?:code\/|constants\.pkl$)/.test(fileName)) resolve(true);
      else archive.readEntry();
    });
    archive.on('end', () => resolve(false));
    archive.on('error', () => resolve(false));
    archive.readEntry();
  });
}
