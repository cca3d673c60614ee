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

/**
 * What the packages are developed with and people bring themselves, by name: their peers, and the
 * types of what they name in their own.
 */
export function developedWith(packages: readonly Packed[]): Record<string, string> {
  return Object.fromEntries(packages.flatMap(({ manifest }) => broughtTo(manifest)))
}

function broughtTo({ name, devDependencies = {}, ...manifest }: Manifest): [string, string][] {
  const types = Object.keys(devDependencies).filter((each) => each.startsWith('@types/'))
  const names = [...peersOf({ name, ...manifest }).map((peer) => peer.name), ...types]
  return names.map((each) => {
    const version = devDependencies[each]
    if (version === undefined) {
      throw new Error(`${name} has the peer ${each}, and no version of it in its devDependencies.`)
    }
    return [each, version]
  })
}

/** The peers of all packages, by name, each in its lowest version. */
export function lowestPeers(packages: readonly Packed[]): Record<string, string> {
  const peers = packages.flatMap(({ manifest }) => peersOf(manifest))
  return Object.fromEntries(peers.map(({ name, lowest }) => [name, lowest]))
}
