import type { Manifest, Packed } from './packages.ts'

/** Something that a package is used with. */
export interface Peer {
  readonly name: string
  /** The lowest version that the package declares. */
  readonly lowest: string
}

/** The peers of a package, optional ones too. */
export function peersOf({ peerDependencies = {} }: Manifest): Peer[] {
  return Object.entries(peerDependencies).map(([name, range]) => {
    const lowest = /^\^(\d+\.\d+\.\d+)/.exec(range)?.[1]
    if (lowest === undefined) {
      throw new Error(`The range ${range} of ${name} does not begin with ^ and its lowest version.`)
    }
    return { name, lowest }
  })
}

/** The peers of all packages, by name, each in its lowest version. */
export function lowestPeers(packages: readonly Packed[]): Record<string, string> {
  const peers = packages.flatMap(({ manifest }) => peersOf(manifest))
  return Object.fromEntries(peers.map(({ name, lowest }) => [name, lowest]))
}
