// What the fake core says of tokens.
import type { TokenReport, TokenVerdict } from '../lib/backend/api';

const NOW = Date.now();

export const fakeTokens: TokenReport = {
  method: 'OAUTH2-JWT',
  sources: ['https://id.plant.example/.well-known/jwks.json'],
  read: true,
  keys: ['RS256, key "2026-10"', 'ES256, key "2026-11"'],
  leftOut: ['key "old": it is for another algorithm than RS256'],
  fetched: NOW - 240_000,
  issuer: 'https://id.plant.example',
  audience: 'broker',
  userClaim: 'sub',
};

export function fakeTokenVerdict(token: string): TokenVerdict {
  return token.startsWith('eyJ')
    ? {
        taken: true,
        why: 'it is good, and proves user pump-7',
        user: 'pump-7',
        groups: ['pumps'],
        claims: { site: 'oslo', sub: 'pump-7' },
        expires: NOW + 3_600_000,
      }
    : { taken: false, why: 'the token is malformed: it has no header that is JSON', groups: [], claims: {} };
}
