import Tensors
import Testing

@Suite struct TensorDescriptionTests {
  @Test func scalars() throws {
    #expect("\(try Tensor.scalar(3.5))" == "3.5 [f32 scalar]")
    #expect("\(try Tensor.scalar(3))" == "3. [f32 scalar]")
    #expect("\(try Tensor.scalar(1, .bool))" == "true [bool scalar]")
    #expect("\(try Tensor.scalar(-7, .i64))" == "-7 [i64 scalar]")
  }

  @Test func alignedColumns() throws {
    let x = try Tensor([2, 3], [1, -2.5, 100, 0.125, 3, 4] as [Float])
    #expect(
      "\(x)" == """
           1.000   -2.500  100.000
           0.125    3.000    4.000
        [f32 2x3]
        """)
    #expect("\(try Tensor([3], [1, -20, 3] as [Int8]))" == "   1  -20    3\n[i8 3]")
    #expect("\(try Tensor([2], [Truth(true), Truth(false)]))" == "  true  false\n[bool 2]")
    #expect("\(try Tensor([1], [Int64.max]))" == " 9223372036854775807\n[i64 1]")
  }

  @Test func nestedBlocks() throws {
    #expect(
      "\(try Tensor.arange(start: 0, count: 8).reshaped([2, 2, 2]))" == """
         0.  1.
         2.  3.

         4.  5.
         6.  7.
        [f32 2x2x2]
        """)
  }

  @Test func scientificWhereNeeded() throws {
    #expect("\(try Tensor([2], [1e-5, 2] as [Double]))" == " 1.0000e-05  2.0000e+00\n[f64 2]")
    #expect(
      "\(try Tensor([2], [1e300, -Double.leastNonzeroMagnitude]))" == "  1.0000e+300  -4.9407e-324\n[f64 2]")
    #expect("\(try Tensor.scalar(1e9))" == "1.0000e+09 [f32 scalar]")
  }

  @Test func whatIsNoNumber() throws {
    let x = try Tensor([4], [.nan, .infinity, -.infinity, 1] as [Float])
    #expect("\(x)" == "  nan   inf  -inf    1.\n[f32 4]")
  }

  @Test func theMiddleOfLargeTensorsIsLeftOut() throws {
    #expect(
      "\(try Tensor.arange(start: 0, count: 1200).reshaped([30, 40]))" == """
            0.     1.     2.  ...    37.    38.    39.
           40.    41.    42.  ...    77.    78.    79.
           80.    81.    82.  ...   117.   118.   119.
         ...
         1080.  1081.  1082.  ...  1117.  1118.  1119.
         1120.  1121.  1122.  ...  1157.  1158.  1159.
         1160.  1161.  1162.  ...  1197.  1198.  1199.
        [f32 30x40]
        """)
  }

  @Test func longRowsAreWrapped() throws {
    let lines = "\(try Tensor.arange(start: 0, count: 100))".split(separator: "\n")
    #expect(lines.count == 7)
    #expect(lines.allSatisfy { $0.utf8.count <= 100 })
  }

  @Test func nothingToShow() throws {
    #expect("\(try Tensor.zeros([0, 3]))" == "[f32 0x3]")
  }

  @Test func viewsPrintTheirOwnElements() throws {
    let x = try Tensor.arange(start: 0, count: 4).reshaped([2, 2]).transposed()
    #expect("\(x)" == " 0.  2.\n 1.  3.\n[f32 2x2]")
  }
}
