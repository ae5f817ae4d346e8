import { Type } from 'typebox';
import { forgivingToggle, toggle } from './forms.js';

/** Who may do what, and who may configure. */
export const accessSettings = {
  disableTokenAuthorization: forgivingToggle(
    true,
    'Ask for no tokens; `false` under the command `torchserve`.',
  ),
  tokenExpirationMin: Type.Number({
    exclusiveMinimum: 0,
    maximum: 5_256_000,
    default: 60,
    override: 'TS_TOKEN_EXPIRATION_TIME_MIN',
    description: 'Minutes until a token expires.',
  }),
  tokenExemptPing: toggle(false, 'Answer `/ping` without a token.'),
  enableEnvvarsConfig: forgivingToggle(
    false,
    'Let environment variables `TS_…` override what is given elsewhere.',
    { override: false },
  ),
  useEnvAllowedUrls: forgivingToggle(false, 'Let `TS_ALLOWED_URLS` override `allowed_urls`, too.'),
};
