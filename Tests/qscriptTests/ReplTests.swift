import Foundation
import Testing

@Suite struct ReplTests {
  let program: Program
  init() throws { program = try Program() }

  @Test func `a session shows values and outlives errors`() throws {
    let ending = try program.run(
      "repl",
      input: """
        1 + 1
        _ * 10
        x = {1, {a = "b"}}
        x
        for i = 1, 2 do
        print("line", i)
        end
        error("boom")
        nil, "text"
        undefined_name
        x[1]
        """)
    #expect(ending.code == 0)
    #expect(ending.output == "2\n20\n{1, {a = \"b\"}}\nline\t1\nline\t2\nnil\t\"text\"\n1\n")
    #expect(ending.errors == "qscript: stdin:1: boom\nqscript: stdin:1: undefined global 'undefined_name'\n")
  }

  @Test func `help explains a function`() throws {
    let output = try program.run("repl", input: "help(qs.run)\n").output
    #expect(output.hasPrefix("qs.run{"))
    #expect(output.contains("name"))
  }

  @Test func `os.exit ends a session`() throws {
    let ending = try program.run("repl", input: "os.exit(4)\nprint('never')\n")
    #expect(ending.code == 4)
    #expect(ending.output == "")
  }

  /// A session on a terminal, typed by Python: what is seen on the screen.
  @Test func `a terminal has editing, completion, history and Ctrl-C`() throws {
    try program.write("type.py", Self.typist)
    let ending = try program.start(
      ["python3", "type.py", Program.path], environment: ["TERM": "xterm", "NO_COLOR": "1"],
      executable: "/usr/bin/env"
    ).wait()
    if ending.code == 127 { return print("python3 is not there: the session on a terminal is not tested") }
    #expect(ending.code == 0, "\(ending.errors)\n\(ending.output)")
    #expect(try program.read("qscript/history").contains("40"))
  }

  private static let typist = #"""
    import os, pty, select, sys, time

    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.argv[1], [sys.argv[1]])
    seen = b""

    def expect(text, keys=None):
        global seen
        if keys is not None:
            os.write(terminal, keys)
        deadline = time.time() + 20
        while text not in seen:
            if time.time() > deadline:
                sys.exit("waited for %r, saw %r" % (text, seen))
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    seen += os.read(terminal, 4096)
                except OSError:
                    sys.exit("ended before %r, saw %r" % (text, seen))
        seen = seen[seen.index(text) + len(text):]

    def type(keys, *texts):  # at the prompt, for before it the terminal is not the editor's
        expect(b"> ")
        os.write(terminal, keys)
        for text in texts:
            expect(text)

    type(b"40 + 2\n", b"42\r\n")                        # a value without print
    type(b"math.sq\t(9)\n", b"3.0\r\n")                # completion
    type(b"for i = 1, 1 do\n", b".. ")                  # several lines
    os.write(terminal, b"\x03")                         # Ctrl-C gives the piece up
    type(b"garbage (((\x03")                            # and a line
    type(b"1 + 1\n", b"2\r\n")
    type(b"while true do end\n", b"\n")
    time.sleep(0.3)
    os.write(terminal, b"\x03")                         # and a computation
    expect(b"interrupted")
    type(b"\x1b[A", b"while true do end")               # history
    os.write(terminal, b"\x03")
    type(b"2 + 3\n", b"5\r\n")
    type(b"\x04")                                       # Ctrl-D ends
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
    """#
}
