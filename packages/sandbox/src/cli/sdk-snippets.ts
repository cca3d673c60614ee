import { bareHost } from '../loopback.ts'

/** Clients that there are snippets for. */
export const SDK_NAMES = [
  'hongbao',
  'node',
  'python',
  'php',
  'ruby',
  'java',
  'go',
  'csharp',
] as const

type SdkName = (typeof SDK_NAMES)[number]

/** What a program needs to know of the sandbox. */
export interface SdkSettings {
  /** `http://127.0.0.1:4141` */
  readonly url: string
  readonly apiKey: string
  /** Of the merchant's private key: PKCS#8. */
  readonly privateKeyPath: string
  /** The same as PKCS#1. */
  readonly pkcs1Path: string
  readonly publicKeyPath: string
}

/**
 * How to point a client at the sandbox: ours, and Ping++'s official SDKs as they are, each by the
 * setting that it has for this (their sources, 2025).
 */
export const SNIPPETS: Readonly<Record<SdkName, (settings: SdkSettings) => string>> = {
  hongbao: ({
    url,
    apiKey,
    privateKeyPath,
    publicKeyPath,
  }) => `import { createPingppClient } from '@hongbao/client'

const client = createPingppClient({
  baseUrl: ${quote(url)},
  apiKey: ${quote(apiKey)},
  privateKey: { path: ${quote(privateKeyPath)} },
  publicKey: { path: ${quote(publicKeyPath)} },
})`,
  node({ url, apiKey, privateKeyPath }) {
    const { hostname, protocol, port } = new URL(url)
    const scheme = protocol.slice(0, -1)
    return `const pingpp = require('pingpp')(${quote(apiKey)})
pingpp.setHost(${quote(bareHost(hostname))}, ${port || (scheme === 'https' ? 443 : 80)}, ${quote(scheme)})
pingpp.setPrivateKeyPath(${quote(privateKeyPath)})`
  },
  python: ({ url, apiKey, privateKeyPath }) => `import pingpp
pingpp.api_base = ${quote(url)}
pingpp.api_key = ${quote(apiKey)}
pingpp.private_key_path = ${quote(privateKeyPath)}`,
  php: ({ url, apiKey, privateKeyPath }) => `\\Pingpp\\Pingpp::$apiBase = ${quote(url)};
\\Pingpp\\Pingpp::setApiKey(${quote(apiKey)});
\\Pingpp\\Pingpp::setPrivateKeyPath(${quote(privateKeyPath)});`,
  ruby: ({ url, apiKey, privateKeyPath }) => `require 'pingpp'
Pingpp.api_base = ${quote(url)}
Pingpp.api_key = ${quote(apiKey)}
Pingpp.private_key_path = ${quote(privateKeyPath)}`,
  java: ({ url, apiKey, privateKeyPath }) => `Pingpp.overrideApiBase(${doubled(url)});
Pingpp.apiKey = ${doubled(apiKey)};
Pingpp.privateKeyPath = ${doubled(privateKeyPath)};`,
  go: ({ url, apiKey, pkcs1Path }) => `pingpp.SetBackend(pingpp.APIBackend, pingpp.ApiBackend{
	Type: pingpp.APIBackend, URL: ${doubled(`${url}/v1`)}, HTTPClient: &http.Client{},
})
pingpp.Key = ${doubled(apiKey)}
privateKey, err := os.ReadFile(${doubled(pkcs1Path)})
if err != nil {
	log.Fatal(err)
}
pingpp.AccountPrivateKey = string(privateKey)`,
  csharp: ({ url, apiKey, pkcs1Path }) => `Pingpp.Pingpp.SetApiBase(${doubled(url)});
Pingpp.Pingpp.SetApiKey(${doubled(apiKey)});
Pingpp.Pingpp.SetPrivateKeyPath(${doubled(pkcs1Path)});`,
}

/** In single quotes, which JavaScript, Python, PHP and Ruby read alike as long as these two are escaped. */
function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}

/** In double quotes, which Java, Go and C# read as JSON does. */
function doubled(text: string): string {
  return JSON.stringify(text)
}
