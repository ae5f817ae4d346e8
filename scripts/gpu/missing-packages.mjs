import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from '../lib/root.mjs';

/**
 * The packages of package.json that a module imports, by itself or by modules of its own, and that are
 * not installed.
 *
 * @param {string} path absolute
 * @param {string} [folder] of package.json and node_modules
 * @returns {string[]}
 */
export function missingPackages(path, folder = root) {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  const missing = Object.keys({ ...dependencies, ...devDependencies }).filter(
    (name) => !existsSync(join(folder, 'node_modules', name)),
  );
  if (missing.length === 0) return [];
  const imported = importedPackages(path, new Set());
  return missing.filter((name) => imported.has(name));
}

function importedPackages(path, seen) {
  if (seen.has(path) || !existsSync(path)) return new Set();
  seen.add(path);
  return new Set(
    importsOf(path).flatMap((specifier) =>
      specifier.startsWith('.')
        ? [...importedPackages(join(dirname(path), specifier), seen)]
        : [packageOf(specifier)],
    ),
  );
}

function importsOf(path) {
  const text = readFileSync(path, 'utf8');
  const from = text.matchAll(/^\s*(?:import|export)\b[^'"]*?\bfrom\s*['"]([^'"]+)['"]/gm);
  const bare = text.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm);
  return [...from, ...bare].map(([, specifier]) => specifier);
}

function packageOf(specifier) {
  const parts = specifier.split('/');
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
}
