import TestSupport
import Testing

@Suite struct TokenizerTests {
  @Test(arguments: [
    Snippet(
      "print(#t, t:id('[CLS]'), t:token(2), t:id('no such token'), t)",
      "500 2 [CLS] nil tokenizer of 500 tokens"),
    Snippet(
      "local i, m, k = t:encode('the'); print(i.shape[1], i.dtype, m:sum():item(), k:sum():item())",
      "1 i64 3 0"),
    Snippet("local i, m = t:encode{'the', 'the the'}; print(i.shape[2], m:sum():item())", "4 7"),
    Snippet("print(t:encode('the', {max_length = 9, padding = 'max_length'}).shape[2])", "9"),
    Snippet("local _, _, k = t:encode('the', {pair = 'the'}); print(k:sum():item())", "2"),
    Snippet("print(t:decode((t:encode('The the!')))[1], t:decode{2, 3})", "the the! "),
    Snippet("print(t:decode(t:encode('the', {special_tokens = false}):squeeze(1)))", "the"),
    Snippet("print(table.concat(t:tokens('the !'), '|'))", "the|!"),
  ])
  func `a tokenizer encodes and decodes`(_ snippet: Snippet) throws {
    let start = "local t = qs.tokenizer.load('\(Golden.path("tokenizers/wordpiece.json"))'); "
    #expect(try Script().output(start + snippet.text) == snippet.output)
  }

  @Test(arguments: [
    Snippet("t:encode({'a', 'b'}, {pair = {'a'}})", "got 2 texts and 1 for `pair`; give as many"),
    Snippet("t:encode('a', {padding = 'max_length'})", "padding = \"max_length\" needs max_length"),
    Snippet("t:encode('a', {padding = 'no'})", "must be one of 'longest' or 'max_length'"),
    Snippet("t:decode(qs.ones(2))", "takes integers [L] or [N, L], got f32 [2]"),
    Snippet(
      "t:encode('a', {max_length = 1 << 62, padding = 'max_length'})",
      "a batch of 4611686018427387904 tokens a text is too long"),
    Snippet("t:encode('a', {max_length = 1 << 40, padding = 'max_length'})", "memory"),
    Snippet(
      "t:decode(qs.tensor({math.maxinteger}, {dtype = 'i64'}))", "9223372036854775807 is no token"),
    Snippet("t:decode{9999}", "9999 is no token of this vocabulary of 500"),
  ])
  func `mistakes are explained`(_ snippet: Snippet) throws {
    let start = "local t = qs.tokenizer.load('\(Golden.path("tokenizers/wordpiece.json"))'); "
    let message = try Script().mistake(start + snippet.text)
    #expect(message.contains(snippet.output), "\(message)")
  }
}
