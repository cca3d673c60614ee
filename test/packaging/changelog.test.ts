import { describe, expect, it } from 'vitest'
import { getDependencyReleaseLine, getReleaseLine } from '../../.changeset/changelog.ts'

describe('a changelog', () => {
  it('has one list item for a changeset, with all paragraphs and lists of its text', () => {
    const summary = 'A fix.\n\nWhat to change:\n- an option\n'
    expect(getReleaseLine({ summary })).toBe('- A fix.\n\n  What to change:\n  - an option')
  })

  it('does not list updated dependencies: all packages have one version', () => {
    expect(getDependencyReleaseLine()).toBe('')
  })
})
