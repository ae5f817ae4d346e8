export {
  initialized,
  LocalContext,
  type LocalModel,
  localRequest,
} from '../../src/handlers/api/local-context.js';
