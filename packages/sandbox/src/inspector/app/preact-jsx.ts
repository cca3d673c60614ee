// What the bundler puts in the place of JSX (build.ts).
export { Fragment, h } from 'preact'
