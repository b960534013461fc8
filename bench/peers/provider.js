// npm oidc-provider as bench/peers.py measures it: node provider.js '{"port", "algorithm", "file"}'
//
// The same work as msidp's: a code with PKCE (S256) buys an ID token, a JWT access token and a rotating
// refresh token. Without a `file` everything is in the library's own memory store. GET /bench/codes mints
// codes, each on a grant of its own, as a finished authorization leaves them; that is not measured.

import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { sqliteAdapter } from './sqlite.js';

const { port, algorithm, file } = JSON.parse(process.argv[2]);
const RESOURCE = 'https://api.example.com/';
const REDIRECT_URI = 'https://client.example/callback';
const SCOPE = 'openid profile email offline_access';
const MEMBER = { email: 'bench@example.com', email_verified: false, name: 'Bench', updated_at: 1790000000 };

function signingKey() {
  const { privateKey } = algorithm === 'ES256'
    ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
    : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', kid: 'bench' };
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: file ? sqliteAdapter(file) : undefined,
  jwks: { keys: [signingKey()] },
  cookies: { keys: ['bench'] },
  claims: { profile: ['name', 'updated_at'], email: ['email', 'email_verified'] },
  clients: [{
    client_id: 'bench',
    client_secret: 'a-secret-of-the-bench-that-is-43-characters',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_post',
    id_token_signed_response_alg: algorithm,
  }],
  findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...MEMBER }) }),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, AuthorizationCode: 60, IdToken: 3600, RefreshToken: 30 * 86400, Grant: 30 * 86400 },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: SCOPE, audience: RESOURCE, accessTokenFormat: 'jwt', jwt: { sign: { alg: algorithm } },
      }),
    },
  },
});

async function code(challenge, resource) {
  const client = await provider.Client.find('bench');
  const member = `member-${Math.random()}`;
  const grant = new provider.Grant({ accountId: member, clientId: 'bench' });
  grant.addOIDCScope(SCOPE);
  if (resource) grant.addResourceScope(RESOURCE, SCOPE);
  const grantId = await grant.save();
  return new provider.AuthorizationCode({
    accountId: member,
    amr: ['pwd'],
    authTime: Math.floor(Date.now() / 1000),
    client,
    codeChallenge: challenge,
    codeChallengeMethod: 'S256',
    grantId,
    gty: 'authorization_code',
    nonce: 'n',
    redirectUri: REDIRECT_URI,
    resource: resource ? RESOURCE : undefined,
    scope: SCOPE,
    sessionUid: member,
  }).save();
}

provider.use(async (ctx, next) => {
  if (ctx.path !== '/bench/codes') return next();
  const codes = [];
  for (let i = 0; i < Number(ctx.query.count); i += 1) {
    codes.push(await code(ctx.query.challenge, ctx.query.opaque === undefined));
  }
  ctx.body = codes;
  return undefined;
});
provider.on('server_error', (_ctx, error) => console.error(error));
provider.listen(port, '127.0.0.1');
