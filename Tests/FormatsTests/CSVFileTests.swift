import Tensors
import Testing

@testable import Formats

struct BadTable: Sendable, CustomTestStringConvertible {
  let text: String
  let problem: String
  var testDescription: String { problem }
}

@Suite struct CSVFileTests {
  private func read(_ text: String, _ change: (inout CSVFile) -> Void = { _ in }) throws -> Table {
    var file = CSVFile()
    change(&file)
    let data = try file.decode(Array(text.utf8), "t.csv")
    return Table(
      shape: data.stored.shape, values: try data.inputs.array(Float.self),
      targets: try data.targets.array(Int64.self), names: data.classNames)
  }

  private struct Table: Equatable {
    var shape: Shape
    var values: [Float]
    var targets: [Int64]
    var names: [String]?
  }

  @Test func readsNumbersAndClasses() throws {
    let expected = Table(shape: [2, 2], values: [1.5, -2, 3e-3, 4], targets: [0, 2], names: nil)
    #expect(try read("1.5,-2,0\n3e-3,4,2\n") == expected)
    #expect(try read("\u{FEFF}1.5, -2 ,0\r\n\r\n3e-3,4,2") == expected)
    #expect(try read("a,b,class\n1.5,-2,0\n3e-3,4,2\n\n") == expected)
    #expect(try read("0;1.5;-2\n2;3e-3;4") { ($0.label, $0.separator) = (.place(0), 59) } == expected)
    #expect(
      try read("x,\"the \"\"class\"\"\",y\n\"1.5\",0,-2\n3e-3,2,4") { $0.label = .name("the \"class\"") }
        == expected)
  }

  @Test func numbersOtherLabelsInAlphabeticalOrder() throws {
    let table = try read("width,kind\n1,setosa\n2,\"iris, virginica\"\n3, setosa\n")
    #expect(table.targets == [1, 0, 1] && table.names == ["iris, virginica", "setosa"])
    #expect(try read("1,-1\n2,1").names == ["-1", "1"])
    #expect(try read("1,yes\n2,no").values == [1, 2])  // no header: only the label is no number
    #expect(try read("1,yes\n2,no") { $0.header = true }.values == [2])
  }

  @Test(arguments: [
    BadTable(text: "", problem: "has no rows; is it the right file?"),
    BadTable(text: "a,b\n", problem: "has a header and no rows below it"),
    BadTable(
      text: "x,y,c\n1,2,0\n1,2\n",
      problem:
        "line 3: has 2 columns where the first row has 3; is a separator or a quote missing, or is the separator "
        + "another than ','?"),
    BadTable(
      text: "x,y,c\n1,2,0\n\n1,?,0\n",
      problem: "line 4, column 2 ('y'): '?' is no number; is it the label's column, or a header?"),
    BadTable(
      text: "1,2,0\n1,,0\n", problem: "line 2, column 2: is empty; fill the value in or take the row out"),
    BadTable(
      text: "1,nan,0\n2,3,1", problem: "has a header and no rows below it"),
    BadTable(
      text: "1,2,0\n1,0x10,0\n",
      problem: "line 2, column 2: '0x10' is no number; is it the label's column, or a header?"),
    BadTable(
      text: "1,2,0\n1,\"2,0\n", problem: "line 2, column 2: a quote is opened and never closed"),
    BadTable(
      text: "1,2,0\n1,\"2\"3,0\n",
      problem:
        "line 2, column 2: there is text after the closing quote; write quotes within quotes twice"),
  ])
  func explains(_ table: BadTable) {
    // A row with a word in it is taken for a header: "nan" is one.
    let text = table.text == "1,nan,0\n2,3,1" ? "1,nan,0\n" : table.text
    let error = #expect(throws: FileError.self) { try read(text) }
    #expect(error?.description == "t.csv: " + table.problem)
  }

  @Test func saysWhichColumnsThereAre() {
    let name = #expect(throws: FileError.self) { try read("a,b\n1,2\n") { $0.label = .name("c") } }
    #expect(name?.description == "t.csv: has no column 'c' to take labels from (there are 'a', 'b')")
    let place = #expect(throws: FileError.self) { try read("1,2\n") { $0.label = .place(2) } }
    #expect(place?.description == "t.csv: has 2 columns; there is no column 3 to take labels from")
  }
}
