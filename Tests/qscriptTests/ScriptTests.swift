import Foundation
import Testing

@Suite struct ScriptTests {
  let program: Program
  init() throws { program = try Program() }

  @Test func `no code is no work`() throws {
    let ending = try program.run("-e", "")
    #expect(ending.code == 0)
    #expect(ending.output + ending.errors == "")
  }

  @Test func `arguments after the file are the script's`() throws {
    try program.write("show.lua", "print(arg[0], #arg, ...)")
    let ending = try program.run("--seed", "3", "show.lua", "--data", "DIR", "--seed", "-x", "--help")
    #expect(ending.output == "show.lua\t5\t--data\tDIR\t--seed\t-x\t--help\n")
    #expect(try program.run("run", "show.lua", "a").output == "show.lua\t1\ta\n")
    #expect(try program.run("-e", "print(...)", "a", "b").output == "a\tb\n")
  }

  @Test func `a script comes from standard input where it is no terminal`() throws {
    #expect(try program.run(input: "print('in')").output == "in\n")
    #expect(try program.run("-", "x", input: "print(...)").output == "x\n")
  }

  @Test func `a script finds modules beside it`() throws {
    try program.write("lib/main.lua", "print(require('beside').value)")
    try program.write("lib/beside.lua", "return {value = 42}")
    #expect(try program.run("lib/main.lua").output == "42\n")
  }

  @Test func `a capture names each line that reads values once`() throws {
    try program.write(
      "net.lua",
      """
      local qs = require "qscript"
      local net = qs.nn.model(function(x)
        local y = x:relu()
        if y:sum():item() > 0 then y = y * 2 end
        for _ = 1, 2 do y:totable() end
        if qs.ones(2):sum():item() > 1 then y = y + 1 end
        return y
      end)
      print(#qs.capture(net, qs.ones(1, 3)).nodes > 0, net(qs.ones(1, 3)):sum():item())
      """)
    let ending = try program.run("net.lua")
    #expect(ending.output == "true\t9.0\n")
    let warning =
      "warning: reads values of a tensor while the graph is captured; "
      + "what the script does with them stays as it is for the example\n"
    #expect(ending.errors == "net.lua:4: \(warning)net.lua:5: \(warning)")
  }

  @Test func `a first line for the shell is passed over`() throws {
    try program.write("s.lua", "#!/usr/bin/env qscript\nerror('second line')")
    #expect(try program.run("s.lua").errors.hasPrefix("qscript: s.lua:2: second line\n"))
  }

  @Test func `undefined globals are errors unless they are allowed`() throws {
    let ending = try program.run("-e", "print(pritn)")
    #expect(ending.code == 1)
    #expect(ending.errors == "qscript: (command line):1: undefined global 'pritn' (did you mean 'print'?)\n")
    #expect(try program.run("--no-strict", "-e", "print(pritn)").output == "nil\n")
  }

  @Test func `a seed on the command line goes before the script's`() throws {
    try program.write("s.lua", "local r = qs.run{seed = 1} print(qs.runs.load(r.id).seed)")
    #expect(try program.run("s.lua").output == "1\n")
    #expect(try program.run("--seed", "9", "s.lua").output == "9\n")
  }

  @Test func `os.exit chooses the exit code`() throws {
    #expect(try program.run("-e", "os.exit(7)").code == 7)
    #expect(try program.run("-e", "os.exit(true)").code == 0)
  }

  @Test func `the version names every part`() throws {
    let lines = try program.run("--version").output.split(separator: "\n").map(String.init)
    #expect(lines.count == 4)
    for (line, start) in zip(lines, ["qscript ", "Lua 5.4", "oneDNN ", "instruction set "]) {
      #expect(line.hasPrefix(start))
    }
  }

  @Test func `a program is measured layer by layer`() throws {
    let code = """
      local model = qs.nn.sequential{qs.nn.conv2d(1, 4, 3), qs.nn.relu(), qs.nn.flatten(), qs.nn.linear(144, 2)}
      local data = qs.data.tensors(qs.randn(8, 1, 8, 8), qs.zeros(8, {dtype = "i64"}))
      qs.compile(qs.quantize(model, {calibration = data})):save("m.qsm")
      """
    #expect(try program.run("-e", code).code == 0)
    let ending = try program.run("bench", "m.qsm", "--batch", "3", "--seconds", "0.01")
    #expect(ending.code == 0)
    let lines = ending.output.split(separator: "\n").map(String.init)
    #expect(lines.first?.split(whereSeparator: \.isWhitespace).prefix(2) == ["layer", "kind"])
    #expect(lines.contains { $0.hasPrefix("0 ") && $0.contains("conv2d") })
    #expect(lines.last?.hasPrefix("m.qsm: batch 3 on 1 thread: median") == true)
    let missing = try program.run("bench", "none.qsm")
    #expect(missing.code == 1)
    #expect(missing.errors.contains("none.qsm"))
  }

  @Test(arguments: [
    ["--help"], ["run", "--help"], ["help", "runs"], ["runs", "show", "--help"], ["eval", "-h"],
    ["bench", "--help"],
  ])
  func `help is everywhere`(_ words: [String]) throws {
    let ending = try program.start(words).wait()
    #expect(ending.code == 0)
    #expect(ending.output.contains("USAGE: qscript"))
  }
}

@Suite struct ScriptErrorTests {
  let program: Program
  init() throws { program = try Program() }

  @Test func `a missing file is one line`() throws {
    let ending = try program.run("none.lua")
    #expect(ending.code == 1)
    #expect(ending.errors == "qscript: cannot read none.lua: no such file or directory\n")
    #expect(try program.run(".").errors == "qscript: cannot read .: is a directory\n")
  }

  @Test func `a syntax error has its line`() throws {
    try program.write("s.lua", "local x = 1\nlocal y = = 2\n")
    let ending = try program.run("s.lua")
    #expect(ending.code == 1)
    #expect(ending.errors == "qscript: s.lua:2: unexpected symbol near '='\n")
  }

  @Test func `bytes that are no text are refused with their line`() throws {
    try Data([0x2D, 0x2D, 0x0A, 0xFF, 0xFE]).write(to: program.folder.appending(path: "b.lua"))
    #expect(try program.run("b.lua").errors == "qscript: b.lua:2: not UTF-8 text; save the script as UTF-8\n")
  }

  @Test func `an error in a function shows the script's lines that led there`() throws {
    try program.write("s.lua", "local function f()\n  error('boom')\nend\nlocal function g() f() end\ng()\n")
    let ending = try program.run("s.lua")
    #expect(ending.code == 1)
    #expect(
      ending.errors == """
        qscript: s.lua:2: boom
          s.lua:2: in upvalue 'f'
          s.lua:4: in local 'g'
          s.lua:5: in main chunk

        """)
  }

  @Test func `an error value that is no text is shown`() throws {
    let ending = try program.run("-e", "error(setmetatable({}, {__tostring = function() return 'mine' end}))")
    #expect(ending.code == 1)
    #expect(ending.errors == "qscript: mine\n")
  }

  @Test(arguments: [
    (["--sede", "3", "x.lua"], "Unknown option '--sede' (did you mean '--seed'?)"),
    (["--threads", "0", "-e", ""], "The value '0' is invalid for '--threads <n>'"),
    (["--seed", "soon", "-e", ""], "The value 'soon' is invalid for '--seed <n>'"),
    (["runs", "list", "--state", "gone"], "The value 'gone' is invalid for '--state <state>'"),
    (["runs", "show"], "Missing expected argument '<id>'"),
    (["eval", "m.qsm"], "Missing expected argument '--data <dir>'"),
    (["bench"], "Missing expected argument '<model.qsm>'"),
    (["bench", "m.qsm", "--batch", "0"], "The value '0' is invalid for '--batch <n>'"),
    (["bench", "m.qsm", "--seconds", "nan"], "The value 'nan' is invalid for '--seconds <seconds>'"),
    (["-e"], "Missing value for '-e <code>'"),
  ])
  func `a wrong command line is told from a wrong script`(_ words: [String], _ message: String) throws {
    let ending = try program.start(words).wait()
    #expect(ending.code == 2)
    #expect(ending.errors.hasPrefix("qscript: " + message))
    #expect(ending.output == "")
  }

  @Test func `standard output that is full ends the script`() throws {
    let code = "for i = 1, 1e9 do print(i) end"
    let ending = try program.start(
      ["-c", "exec \"$0\" -e \"$1\" > /dev/full", Program.path, code], executable: "/bin/sh"
    ).wait()
    #expect(ending.code == 1)
    #expect(ending.errors == "qscript: cannot write to standard output: no space left on device\n")
  }

  @Test func `a reader that goes away ends the script quietly`() throws {
    try program.write("s.lua", "qs.run{} for i = 1, 1e9 do print(i) end")
    let shell = "{ \"$0\" s.lua; echo \"code $?\" >&2; } | head -n 1"
    let ending = try program.start(["-c", shell, Program.path], executable: "/bin/sh").wait()
    #expect(ending.output == "1\n")
    #expect(ending.errors == "code 141\n")
    #expect(try program.run("runs").output.contains("interrupted"))
  }
}
