// The older frameworks, under their aliases, bring no types; those of the newer ones fit what the
// suite uses.
declare module 'express4' {
  import express from 'express'
  export default express
}

declare module 'koa2' {
  import Koa from 'koa'
  export default Koa
}
