"""`stageproxy demo`: a server, a sample project and an index that go away again."""
