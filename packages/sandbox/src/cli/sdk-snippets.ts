import { bareHost } from '../loopback.ts'
import SNIPPETS from './sdk-snippets.json' with { type: 'json' }

type SdkName = keyof typeof SNIPPETS

/** Clients that there are snippets for: ours, and Ping++'s official SDKs as they are (their sources, 2025). */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of what the type is made of
export const SDK_NAMES = Object.keys(SNIPPETS) as SdkName[]

/** What a program needs to know of the sandbox; the private key as PKCS#8 and as PKCS#1. */
type SdkSettings = Readonly<
  Record<'url' | 'apiKey' | 'privateKeyPath' | 'pkcs1Path' | 'publicKeyPath', string>
>

/** How to point a client at the sandbox, by the setting that it has for this. */
export function writeSnippet(sdk: SdkName, settings: SdkSettings): string {
  const { quotes, lines } = SNIPPETS[sdk]
  const { hostname, protocol, port } = new URL(settings.url)
  const scheme = protocol.slice(0, -1)
  const values = new Map<string, string | number>([
    ...Object.entries(settings),
    ['apiUrl', `${settings.url}/v1`],
    ['host', bareHost(hostname)],
    ['port', Number(port) || (scheme === 'https' ? 443 : 80)],
    ['scheme', scheme],
  ])
  return lines.join('\n').replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = values.get(name) ?? placeholder
    // Java, Go and C# read text as JSON has it.
    return quotes === 'double' || typeof value === 'number' ? JSON.stringify(value) : quote(value)
  })
}

/** In single quotes, which JavaScript, Python, PHP and Ruby read alike as long as these two are escaped. */
function quote(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`
}
